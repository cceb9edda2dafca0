# The library that lets XLA compile the ops. It is separate from the ops' library, which loads without it, and
# it calls the kernels in the ops' library.
option(SOFTPOOL_XLA "Build the library for XLA" ON)
set(includes ${TENSORFLOW_COMPILE_FLAGS})
list(FILTER includes INCLUDE REGEX "^-I")
list(TRANSFORM includes REPLACE "^-I" "")
# Searches again, whatever TensorFlow the last configuration found.
unset(xla_includes CACHE)
unset(tensorflow_cc CACHE)
find_path(xla_includes "tensorflow/compiler/tf2xla/xla_op_registry.h" PATHS ${includes} NO_DEFAULT_PATH)
find_library(tensorflow_cc libtensorflow_cc.so.2 PATHS ${folders} NO_DEFAULT_PATH)
if(NOT SOFTPOOL_XLA)
  set(SOFTPOOL_XLA_MISSING "it was built with TF_SOFTPOOL_XLA=0")
elseif(NOT xla_includes OR NOT EXISTS "${xla_includes}/xla/ffi/api/ffi.h")
  set(SOFTPOOL_XLA_MISSING "TensorFlow ${TENSORFLOW_VERSION} came without the headers of XLA")
elseif(NOT tensorflow_cc)
  set(SOFTPOOL_XLA_MISSING "TensorFlow ${TENSORFLOW_VERSION} came without libtensorflow_cc.so.2")
endif()
if(SOFTPOOL_XLA_MISSING)
  message(STATUS "No library for XLA: ${SOFTPOOL_XLA_MISSING}")
  add_custom_target(tf_softpool_xla)
  return()
endif()

file(GLOB xla_sources CONFIGURE_DEPENDS softpool/xla/*.cc softpool/poolings/*/*_xla.cc)
add_library(tf_softpool_xla SHARED ${xla_sources})
# XLA's headers take longer to compile than the sources that include them.
set_target_properties(tf_softpool_xla PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 5)
target_include_directories(tf_softpool_xla PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
# XLA's headers include headers from these folders, in which TensorFlow installs them.
target_include_directories(tf_softpool_xla SYSTEM PRIVATE
  ${xla_includes}/external/highwayhash
  ${xla_includes}/external/farmhash_archive/src)
target_link_directories(tf_softpool_xla PRIVATE ${folders})
target_link_libraries(tf_softpool_xla PRIVATE tf_softpool_ops ${tensorflow_cc} ${libraries})
target_compile_options(tf_softpool_xla PRIVATE -O2 -Wall -Wextra ${flags})
if(NOT SOFTPOOL_CUDA_MISSING)
  target_compile_definitions(tf_softpool_xla PRIVATE SOFTPOOL_CUDA=1)
endif()
set_target_properties(tf_softpool_xla PROPERTIES
  BUILD_WITH_INSTALL_RPATH ON
  INSTALL_RPATH "$ORIGIN:$ORIGIN/../../tensorflow")
if(SOFTPOOL_OUTPUT_DIRECTORY)
  add_custom_command(TARGET tf_softpool_xla POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_FILE:tf_softpool_xla> ${SOFTPOOL_OUTPUT_DIRECTORY})
endif()
