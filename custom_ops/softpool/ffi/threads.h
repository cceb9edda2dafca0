// The threads of a running XLA program, for kernels to spread their work over.
#ifndef SOFTPOOL_FFI_THREADS_H_
#define SOFTPOOL_FFI_THREADS_H_

#include "softpool/engine/threads.h"
#include "xla/ffi/api/ffi.h"

namespace softpool {

ParallelFor ThreadsOf(xla::ffi::ThreadPool pool);

}  // namespace softpool

#endif  // SOFTPOOL_FFI_THREADS_H_
