# The library that lets XLA compile the ops, for one TensorFlow. It is separate from the library with the ops, which loads
# without it.
option(SOFTPOOL_XLA "Build the library for XLA" ON)
file(GLOB xla_sources CONFIGURE_DEPENDS softpool/xla/*.cc softpool/ffi/*.cc softpool/poolings/*/*_xla.cc)

# Sets `missing` to the reason why there is no such library, or to nothing.
function(add_xla_library folder version compile_flags link_flags missing)
  flagged(includes "${compile_flags}" -I)
  flagged(folders "${link_flags}" -L)
  # Searches again, whatever TensorFlow the last configuration found.
  unset(xla_includes CACHE)
  unset(tensorflow_cc CACHE)
  find_path(xla_includes "tensorflow/compiler/tf2xla/xla_op_registry.h" PATHS ${includes} NO_DEFAULT_PATH)
  find_library(tensorflow_cc libtensorflow_cc.so.2 PATHS ${folders} NO_DEFAULT_PATH)
  set(reason "")
  if(NOT SOFTPOOL_XLA)
    set(reason "it was built with TF_SOFTPOOL_XLA=0")
  elseif(NOT xla_includes OR NOT EXISTS "${xla_includes}/xla/ffi/api/ffi.h")
    set(reason "TensorFlow ${version} came without the headers of XLA")
  elseif(NOT tensorflow_cc)
    set(reason "TensorFlow ${version} came without libtensorflow_cc.so.2")
  endif()
  set(${missing} "${reason}" PARENT_SCOPE)
  if(reason)
    message(STATUS "No library for XLA: ${reason}")
    return()
  endif()
  set(target tf_softpool_xla_${folder})
  add_library(${target} SHARED ${xla_sources})
  # XLA's headers take longer to compile than the sources that include them.
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 5)
  # XLA's headers include headers from these folders, in which TensorFlow installs them.
  target_include_directories(${target} SYSTEM PRIVATE
    ${xla_includes}/external/highwayhash
    ${xla_includes}/external/farmhash_archive/src)
  target_link_libraries(${target} PRIVATE ${tensorflow_cc})
  skin_library(${target} tf_softpool_xla ${folder} "${compile_flags}" "${link_flags}")
endfunction()
