// The ops' kernels as two handlers of XLA's typed foreign function interface, one for each device.
// They know no TensorFlow, so both its programs and JAX's call them.
#ifndef SOFTPOOL_FFI_HANDLERS_H_
#define SOFTPOOL_FFI_HANDLERS_H_

#include "xla/ffi/api/c_api.h"

namespace softpool {

// The attribute in which a program's call names its op, so that the handler finds the op's kernel.
inline constexpr char kOpAttribute[] = "softpool_op";

XLA_FFI_Error* HandleOnCpu(XLA_FFI_CallFrame* frame);

#if SOFTPOOL_CUDA
XLA_FFI_Error* HandleOnCuda(XLA_FFI_CallFrame* frame);
#endif

}  // namespace softpool

#endif  // SOFTPOOL_FFI_HANDLERS_H_
