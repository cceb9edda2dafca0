# The library with the handlers that JAX calls. JAX and TensorFlow bring the same headers of XLA, in different versions,
# and the library knows neither of the two.
set(SOFTPOOL_JAX_INCLUDE "" CACHE PATH "Folder with XLA's headers, xla/ffi/api/ffi.h. Without it, JAX gets no library")
set(SOFTPOOL_JAX_HEADERS "" CACHE STRING "Whose headers these are, such as \"JAX 0.10.2\", for Python to say")
set(SOFTPOOL_JAX_MISSING "" CACHE STRING "Why there are no such headers, for Python to say")

add_custom_target(tf_softpool_jax)
if(NOT SOFTPOOL_JAX_INCLUDE)
  message(STATUS "No library for JAX: ${SOFTPOOL_JAX_MISSING}")
  return()
endif()
file(GLOB jax_sources CONFIGURE_DEPENDS softpool/ffi/*.cc softpool/jax/*.cc)
add_library(tf_softpool_jax_library SHARED ${jax_sources})
target_include_directories(tf_softpool_jax_library SYSTEM PRIVATE ${SOFTPOOL_JAX_INCLUDE})
target_link_libraries(tf_softpool_jax_library PRIVATE softpool_kernels)
link_for_older_systems(tf_softpool_jax_library)
target_compile_options(tf_softpool_jax_library PRIVATE -O2 ${SOFTPOOL_WARNINGS})
if(NOT SOFTPOOL_CUDA_MISSING)
  target_compile_definitions(tf_softpool_jax_library PRIVATE SOFTPOOL_CUDA=1)
endif()
target_link_options(tf_softpool_jax_library PRIVATE
  "LINKER:--version-script,${CMAKE_CURRENT_LIST_DIR}/exports.map" "LINKER:--no-undefined")
# The library finds the kernels beside it.
set_target_properties(tf_softpool_jax_library PROPERTIES
  OUTPUT_NAME tf_softpool_jax
  BUILD_WITH_INSTALL_RPATH ON
  INSTALL_RPATH "$ORIGIN")
add_dependencies(tf_softpool_jax tf_softpool_jax_library)
if(SOFTPOOL_OUTPUT_DIRECTORY)
  add_custom_command(TARGET tf_softpool_jax_library POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E make_directory ${SOFTPOOL_OUTPUT_DIRECTORY}
    COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_FILE:tf_softpool_jax_library> ${SOFTPOOL_OUTPUT_DIRECTORY})
endif()
