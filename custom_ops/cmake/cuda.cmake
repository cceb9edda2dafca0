# The kernels for NVIDIA's GPUs, which nvcc compiles. Everything else works without them.
set(SOFTPOOL_CUDA AUTO CACHE STRING
  "Build the CUDA kernels: AUTO (if there is nvcc), NATIVE (for the GPU of this machine), ON or OFF")
# Searches again, whatever the last configuration found.
unset(nvcc CACHE)
if(DEFINED ENV{CUDACXX})
  set(nvcc $ENV{CUDACXX})
else()
  find_program(nvcc nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
endif()

set(card 1)
if(SOFTPOOL_CUDA STREQUAL "NATIVE")
  execute_process(COMMAND nvidia-smi -L OUTPUT_VARIABLE cards ERROR_QUIET)
  string(FIND "${cards}" "GPU 0" card)
endif()
if(card EQUAL -1)
  set(SOFTPOOL_CUDA_MISSING
    "it was built with TF_SOFTPOOL_CUDA=native, but without a GPU; TF_SOFTPOOL_CUDA=1 compiles for all GPUs")
elseif(SOFTPOOL_CUDA STREQUAL "OFF")
  set(SOFTPOOL_CUDA_MISSING "it was built with TF_SOFTPOOL_CUDA=0")
elseif(NOT nvcc)
  set(problem "nvcc was not found")
else()
  set(ENV{CUDACXX} ${nvcc})
  # nvcc uses the C++ compiler of everything else, unless the user names another.
  if(NOT DEFINED ENV{CUDAHOSTCXX})
    set(ENV{CUDAHOSTCXX} ${CMAKE_CXX_COMPILER})
  endif()
  # A compiler that did not work at the last configuration may work at this one.
  if(NOT CMAKE_CUDA_COMPILER)
    unset(CMAKE_CUDA_COMPILER CACHE)
  endif()
  include(CheckLanguage)
  check_language(CUDA)
  # Prints lines like "compute_75". The newest architecture is not always the last.
  execute_process(COMMAND ${nvcc} --list-gpu-arch OUTPUT_VARIABLE listed ERROR_QUIET)
  string(REGEX MATCHALL "compute_[0-9]+\n" listed "${listed}")
  list(TRANSFORM listed REPLACE "compute_|\n" "")
  list(SORT listed COMPARE NATURAL)
  if(NOT CMAKE_CUDA_COMPILER OR NOT listed)
    set(problem "${nvcc} and $ENV{CUDAHOSTCXX} did not work together")
  endif()
endif()
if(problem)
  if(SOFTPOOL_CUDA STREQUAL "ON")
    message(FATAL_ERROR "TF_SOFTPOOL_CUDA=1 asks for the CUDA kernels, but ${problem}.\n"
      "The kernels need nvcc from NVIDIA's CUDA toolkit (https://developer.nvidia.com/cuda-downloads). "
      "The build looks for nvcc in CUDACXX, in the folders CUDA_HOME and CUDA_PATH, in PATH and in "
      "/usr/local/cuda/bin, and found: ${nvcc}. CUDAHOSTCXX may name another C++ compiler for nvcc. The "
      "compilers' messages are in the logs in ${CMAKE_BINARY_DIR}/CMakeFiles.\n"
      "Set TF_SOFTPOOL_CUDA=0 in the environment to leave the kernels out. Everything else then works.")
  endif()
  set(SOFTPOOL_CUDA_MISSING "${problem} when it was built")
endif()
if(SOFTPOOL_CUDA_MISSING)
  message(STATUS "No CUDA kernels: ${SOFTPOOL_CUDA_MISSING}")
  add_custom_target(softpool_cuda)
  return()
endif()

# Code for the first GPU of a generation runs on the whole generation. Later generations compile the PTX of
# the newest architecture for themselves. CMake's own variable CUDAARCHS may ask for other architectures.
set(architectures $ENV{CUDAARCHS})
if(NOT architectures AND SOFTPOOL_CUDA STREQUAL "NATIVE")
  execute_process(
    COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader OUTPUT_VARIABLE architectures)
  string(REGEX REPLACE "[^0-9\n]" "" architectures "${architectures}")
  string(REGEX MATCHALL "[0-9]+" architectures "${architectures}")
  list(REMOVE_DUPLICATES architectures)
  list(TRANSFORM architectures APPEND "-real")
endif()
if(NOT architectures)
  foreach(architecture ${listed})
    math(EXPR generation "${architecture} / 10")
    if(generation GREATER_EQUAL 7 AND NOT generation IN_LIST generations)
      list(APPEND generations ${generation})
      list(APPEND architectures ${architecture}-real)
    endif()
  endforeach()
  list(TRANSFORM architectures REPLACE "-real" "" AT -1)
endif()
set(CMAKE_CUDA_ARCHITECTURES ${architectures})
string(REGEX REPLACE "-[a-z]+" "" SOFTPOOL_CUDA_ARCHITECTURES "${architectures}")
string(REPLACE ";" " " SOFTPOOL_CUDA_ARCHITECTURES "${SOFTPOOL_CUDA_ARCHITECTURES}")
# The architectures whose PTX later generations can compile.
set(SOFTPOOL_CUDA_PTX ${architectures})
list(FILTER SOFTPOOL_CUDA_PTX EXCLUDE REGEX "-real$")
string(REGEX REPLACE "-[a-z]+" "" SOFTPOOL_CUDA_PTX "${SOFTPOOL_CUDA_PTX}")
string(REPLACE ";" " " SOFTPOOL_CUDA_PTX "${SOFTPOOL_CUDA_PTX}")
enable_language(CUDA)
message(STATUS "CUDA ${CMAKE_CUDA_COMPILER_VERSION} kernels for ${SOFTPOOL_CUDA_ARCHITECTURES}")

file(GLOB cuda_sources CONFIGURE_DEPENDS softpool/poolings/*/*.cu)
# Built only if something needs these kernels: the tests of the CPU kernels do not.
add_library(softpool_cuda OBJECT EXCLUDE_FROM_ALL ${cuda_sources})
target_include_directories(softpool_cuda PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_options(softpool_cuda PRIVATE
  -O3 --expt-relaxed-constexpr -Xcompiler=-Wall $<$<BOOL:${SOFTPOOL_WARNINGS_AS_ERRORS}>:-Werror=all-warnings>
  # Compressed code has a third of the size. Drivers of any age can load it.
  -Xfatbin=-compress-all
  # As in the CPU kernels, a product and a sum are fused only where the source says so.
  -fmad=false)
set_target_properties(softpool_cuda PROPERTIES
  CUDA_STANDARD 17
  CUDA_STANDARD_REQUIRED ON
  CUDA_EXTENSIONS OFF
  CUDA_VISIBILITY_PRESET hidden
  CUDA_RUNTIME_LIBRARY Static)
