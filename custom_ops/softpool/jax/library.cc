// The library that JAX loads. It exports the handlers under names that Python finds, and knows no
// TensorFlow. JAX itself registers them.
#include "softpool/ffi/handlers.h"
#include "softpool/simd/compiler.h"

extern "C" {

// Returns the version of XLA's interface that this library needs: thousands are its major number.
SOFTPOOL_EXPORT int tf_softpool_jax_api_version() {
  return XLA_FFI_API_MAJOR * 1000 + XLA_FFI_API_MINOR;
}

SOFTPOOL_EXPORT XLA_FFI_Error* tf_softpool_jax_cpu(XLA_FFI_CallFrame* frame) {
  return softpool::HandleOnCpu(frame);
}

#if SOFTPOOL_CUDA
SOFTPOOL_EXPORT XLA_FFI_Error* tf_softpool_jax_cuda(XLA_FFI_CallFrame* frame) {
  return softpool::HandleOnCuda(frame);
}
#endif

}  // extern "C"
