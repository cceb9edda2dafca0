// The library that JAX loads. It exports the handlers under names that Python finds, and knows no
// TensorFlow. JAX itself registers them.
#include "softpool/ffi/handlers.h"
#include "softpool/simd/compiler.h"

extern "C" {

SOFTPOOL_EXPORT XLA_FFI_Error* tf_softpool_jax_cpu(XLA_FFI_CallFrame* frame) {
  return softpool::HandleOnCpu(frame);
}

#if SOFTPOOL_CUDA
SOFTPOOL_EXPORT XLA_FFI_Error* tf_softpool_jax_cuda(XLA_FFI_CallFrame* frame) {
  return softpool::HandleOnCuda(frame);
}
#endif

}  // extern "C"
