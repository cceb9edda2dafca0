// Sorted-weight pooling: each window is sorted, and its values weighed by their rank.
//
//   y = sum_r p_r a_(r),   a_(1) >= a_(2) >= ...,   p = softmax(w)
//
// over the first `pool_range` ranks. Windows of n < pool_range values take the softmax over the
// first n. Equal values rank in row-major order. -inf is as if it were not there. S. Singla, "A new
// kind of pooling layer for faster and sharper convergence".
#ifndef TF_SOFTPOOL_KERNELS_SORTED_POOL_H_
#define TF_SOFTPOOL_KERNELS_SORTED_POOL_H_

#include <string>
#include <vector>

#include "kernels/cuda_stream.h"
#include "kernels/data_type.h"
#include "kernels/export.h"
#include "kernels/geometry.h"
#include "kernels/parallel.h"

namespace softpool {

// What the weights of the ranks are made of, in the type that values are computed in: w, of the
// shape [pool_range], or [pool_range, channels] where each channel has its own.
struct RankLogits {
  const void* values;
  int64_t pool_range;
  bool per_channel;
  bool softmax;  // or else w itself are the weights

  int64_t Count(int64_t channels) const { return per_channel ? pool_range * channels : pool_range; }
};

// Checks the shape of rank logits for windows of size `ksize` and so many channels, -1 standing for
// what is not known. Returns what is wrong, or an empty string.
std::string CheckRankLogits(const std::vector<int64_t>& shape, const std::vector<int64_t>& ksize,
                            int64_t channels);

// Tensors are dense, of the type named; x has the geometry's input shape, y its output shape.
SOFTPOOL_EXPORT void SortedPool(DataType type, const PoolGeometry& geometry,
                                const RankLogits& logits, const void* x, void* y,
                                const ParallelFor& parallel);

// `gradient` is that of y; `x_gradient` receives that of x, `logits_gradient` that of the logits.
SOFTPOOL_EXPORT void SortedPoolGrad(DataType type, const PoolGeometry& geometry,
                                    const RankLogits& logits, const void* x, const void* gradient,
                                    void* x_gradient, void* logits_gradient,
                                    const ParallelFor& parallel);

// The same on a CUDA device, which all pointers to values are into. Work is given to the stream and
// not waited for. Returns CUDA's word for what went wrong, or an empty string.
SOFTPOOL_EXPORT std::string SortedPool(DataType type, const PoolGeometry& geometry,
                                       const RankLogits& logits, const void* x, void* y,
                                       const CudaStream& cuda);
SOFTPOOL_EXPORT std::string SortedPoolGrad(DataType type, const PoolGeometry& geometry,
                                           const RankLogits& logits, const void* x,
                                           const void* gradient, void* x_gradient,
                                           void* logits_gradient, const CudaStream& cuda);

}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_SORTED_POOL_H_
