// Where a pooling's CUDA kernels run. This header uses nothing of CUDA's, so that callers compile
// without the toolkit.
#ifndef SOFTPOOL_ENGINE_CUDA_STREAM_H_
#define SOFTPOOL_ENGINE_CUDA_STREAM_H_

#include <cstddef>
#include <functional>

namespace softpool {

struct CudaStream {
  void* stream;  // a cudaStream_t
  // Returns device memory that is kept until the stream has done this call's work, aligned to 16
  // bytes. May throw std::bad_alloc.
  std::function<void*(size_t bytes)> allocate;
};

}  // namespace softpool

#endif  // SOFTPOOL_ENGINE_CUDA_STREAM_H_
