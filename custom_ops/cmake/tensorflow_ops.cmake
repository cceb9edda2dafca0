# The library with the ops for one TensorFlow.
file(GLOB op_sources CONFIGURE_DEPENDS softpool/tensorflow/*.cc)

if(SOFTPOOL_CUDA_MISSING)
  list(FILTER op_sources EXCLUDE REGEX "/gpu\\.cc$")
endif()

function(add_ops_library folder compile_flags link_flags)
  set(target tf_softpool_ops_${folder})
  add_library(${target} SHARED ${op_sources})
  skin_library(${target} tf_softpool_ops ${folder} "${compile_flags}" "${link_flags}")
endfunction()
