// The threads of a running XLA program, for kernels to spread their work over.
#ifndef TF_SOFTPOOL_XLA_THREADS_H_
#define TF_SOFTPOOL_XLA_THREADS_H_

#include "kernels/parallel.h"
#include "xla/ffi/api/ffi.h"

namespace softpool {

ParallelFor ThreadsOf(xla::ffi::ThreadPool pool);

}  // namespace softpool

#endif  // TF_SOFTPOOL_XLA_THREADS_H_
