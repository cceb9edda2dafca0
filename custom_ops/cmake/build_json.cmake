# What Python reads about how the libraries were built.
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/build.json "{
  \"version\": \"${SOFTPOOL_VERSION}\",
  \"tensorflow\": \"${TENSORFLOW_VERSION}\",
  \"highway\": \"${SOFTPOOL_HIGHWAY_VERSION}\",
  \"compiler\": \"${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}\",
  \"cuda_missing\": \"${SOFTPOOL_CUDA_MISSING}\",
  \"cuda_toolkit\": \"${CMAKE_CUDA_COMPILER_VERSION}\",
  \"cuda_architectures\": \"${SOFTPOOL_CUDA_ARCHITECTURES}\",
  \"cuda_ptx\": \"${SOFTPOOL_CUDA_PTX}\",
  \"xla_missing\": \"${SOFTPOOL_XLA_MISSING}\"
}
")
