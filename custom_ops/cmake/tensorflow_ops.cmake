# The library that TensorFlow loads. If Highway is a shared library, a copy of Highway lies beside the ops.
# The ops' library finds TensorFlow where pip puts the two packages side by side.
file(GLOB op_sources CONFIGURE_DEPENDS softpool/tensorflow/*.cc)
add_library(tf_softpool_ops SHARED ${op_sources})
# Folders and libraries are passed on separately, because the names of folders may contain spaces.
set(folders ${TENSORFLOW_LINK_FLAGS})
set(libraries ${TENSORFLOW_LINK_FLAGS})
list(FILTER folders INCLUDE REGEX "^-L")
list(TRANSFORM folders REPLACE "^-L" "")
list(FILTER libraries EXCLUDE REGEX "^-L")
target_link_directories(tf_softpool_ops PRIVATE ${folders})
target_link_libraries(tf_softpool_ops PRIVATE softpool_kernels ${libraries})
if(NOT SOFTPOOL_CUDA_MISSING)
  target_compile_definitions(tf_softpool_ops PRIVATE SOFTPOOL_CUDA=1)
  # CUDA's runtime is linked into this library and hidden in it. The library therefore loads on machines
  # without a driver, and its runtime does not clash with that of TensorFlow or of another library.
  target_link_libraries(tf_softpool_ops PRIVATE softpool_cuda)
  target_link_options(tf_softpool_ops PRIVATE "LINKER:--exclude-libs,libcudart_static.a")
  set_target_properties(tf_softpool_ops PROPERTIES CUDA_RUNTIME_LIBRARY Static)
endif()
# TensorFlow's headers count as system headers, so that they raise no warnings.
set(flags ${TENSORFLOW_COMPILE_FLAGS})
list(TRANSFORM flags REPLACE "^-I" "-isystem")
target_compile_options(tf_softpool_ops PRIVATE -O2 -Wall -Wextra ${flags})
set_target_properties(tf_softpool_ops PROPERTIES
  BUILD_RPATH "$ORIGIN:$ORIGIN/../../tensorflow"
  BUILD_RPATH_USE_ORIGIN ON
  BUILD_WITH_INSTALL_RPATH ON
  INSTALL_RPATH "$ORIGIN:$ORIGIN/../../tensorflow")

if(SOFTPOOL_OUTPUT_DIRECTORY)
  set(files $<TARGET_FILE:tf_softpool_ops> ${CMAKE_CURRENT_BINARY_DIR}/build.json)
  get_target_property(highway_type hwy::hwy TYPE)
  if(highway_type STREQUAL "SHARED_LIBRARY" OR highway_type STREQUAL "UNKNOWN_LIBRARY")
    set(highway_soname $<TARGET_SONAME_FILE:hwy::hwy>)
  endif()
  add_custom_command(TARGET tf_softpool_ops POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E make_directory ${SOFTPOOL_OUTPUT_DIRECTORY}
    COMMAND ${CMAKE_COMMAND} -E copy ${files} ${highway_soname} ${SOFTPOOL_OUTPUT_DIRECTORY})
endif()
