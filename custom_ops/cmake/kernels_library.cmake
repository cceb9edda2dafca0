# The library with all kernels, which knows no TensorFlow. If Highway is a shared library, a copy of Highway lies beside it.
add_library(softpool_kernels SHARED)
target_link_libraries(softpool_kernels PRIVATE softpool_objects)
link_for_older_systems(softpool_kernels)
target_include_directories(softpool_kernels INTERFACE ${CMAKE_CURRENT_SOURCE_DIR})
set_target_properties(softpool_kernels PROPERTIES
  LINKER_LANGUAGE CXX
  BUILD_WITH_INSTALL_RPATH ON
  INSTALL_RPATH "$ORIGIN")
# Nothing is exported but what `SOFTPOOL_EXPORT` marks. Otherwise the C++ library's templates in the objects, and CUDA's
# runtime, would be.
target_link_options(softpool_kernels PRIVATE
  "LINKER:--version-script,${CMAKE_CURRENT_LIST_DIR}/exports.map" "LINKER:--no-undefined")
if(NOT SOFTPOOL_CUDA_MISSING)
  # CUDA's runtime is linked into this library and hidden in it. The library therefore loads on machines
  # without a driver, and its runtime does not clash with that of TensorFlow or of another library.
  target_link_libraries(softpool_kernels PRIVATE softpool_cuda)
  set_target_properties(softpool_kernels PROPERTIES CUDA_RUNTIME_LIBRARY Static)
endif()

# What Python reads about how the library was built.
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/build.json "{
  \"version\": \"${SOFTPOOL_VERSION}\",
  \"highway\": \"${SOFTPOOL_HIGHWAY_VERSION}\",
  \"compiler\": \"${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}\",
  \"cuda_missing\": \"${SOFTPOOL_CUDA_MISSING}\",
  \"cuda_toolkit\": \"${CMAKE_CUDA_COMPILER_VERSION}\",
  \"cuda_architectures\": \"${SOFTPOOL_CUDA_ARCHITECTURES}\",
  \"cuda_ptx\": \"${SOFTPOOL_CUDA_PTX}\",
  \"jax_headers\": \"${SOFTPOOL_JAX_HEADERS}\",
  \"jax_missing\": \"${SOFTPOOL_JAX_MISSING}\"
}
")
if(SOFTPOOL_OUTPUT_DIRECTORY)
  set(files $<TARGET_FILE:softpool_kernels> ${CMAKE_CURRENT_BINARY_DIR}/build.json)
  get_target_property(highway_type hwy::hwy TYPE)
  if(highway_type STREQUAL "SHARED_LIBRARY" OR highway_type STREQUAL "UNKNOWN_LIBRARY")
    list(APPEND files $<TARGET_SONAME_FILE:hwy::hwy>)
  endif()
  add_custom_command(TARGET softpool_kernels POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E make_directory ${SOFTPOOL_OUTPUT_DIRECTORY}
    COMMAND ${CMAKE_COMMAND} -E copy ${files} ${SOFTPOOL_OUTPUT_DIRECTORY})
endif()
