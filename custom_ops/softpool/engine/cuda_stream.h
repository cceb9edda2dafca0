// Where the CUDA kernels of a pooling run. It names nothing of CUDA's, so that callers need no
// toolkit to be compiled.
#ifndef SOFTPOOL_ENGINE_CUDA_STREAM_H_
#define SOFTPOOL_ENGINE_CUDA_STREAM_H_

#include <cstddef>
#include <functional>

namespace softpool {

struct CudaStream {
  void* stream;  // a cudaStream_t
  // Memory of the device that is kept until the stream's work of this call is done, aligned to 16
  // bytes. May throw std::bad_alloc.
  std::function<void*(size_t bytes)> allocate;
};

}  // namespace softpool

#endif  // SOFTPOOL_ENGINE_CUDA_STREAM_H_
