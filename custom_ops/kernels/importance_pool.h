// Local importance pooling: the average of a window, weighed by the softmax of logits that come
// with it. SoftPool is the case l = x.
//
//   y = sum_i w_i x_i,   w_i = e^(l_i) / sum_j e^(l_j)
//
// Z. Gao, L. Wang, G. Wu, "LIP: local importance-based pooling".
#ifndef TF_SOFTPOOL_KERNELS_IMPORTANCE_POOL_H_
#define TF_SOFTPOOL_KERNELS_IMPORTANCE_POOL_H_

#include <string>

#include "kernels/cuda_stream.h"
#include "kernels/data_type.h"
#include "kernels/export.h"
#include "kernels/geometry.h"
#include "kernels/parallel.h"

namespace softpool {

// Tensors are dense, of the type named; x and logits have the geometry's input shape, y its output
// shape. Values of -inf have no weight, whatever their logit.
SOFTPOOL_EXPORT void ImportancePool(DataType type, const PoolGeometry& geometry, const void* x,
                                    const void* logits, void* y, const ParallelFor& parallel);

// Sends a gradient g of y to x, g w_i, and to the logits, g w_i (x_i - y). Where y is infinite, the
// logits get zero.
SOFTPOOL_EXPORT void ImportancePoolGrad(DataType type, const PoolGeometry& geometry, const void* x,
                                        const void* logits, const void* gradient, void* x_gradient,
                                        void* logits_gradient, const ParallelFor& parallel);

// The same on a CUDA device, which all pointers to values are into. Work is given to the stream and
// not waited for. Returns CUDA's word for what went wrong, or an empty string.
SOFTPOOL_EXPORT std::string ImportancePool(DataType type, const PoolGeometry& geometry,
                                           const void* x, const void* logits, void* y,
                                           const CudaStream& cuda);
SOFTPOOL_EXPORT std::string ImportancePoolGrad(DataType type, const PoolGeometry& geometry,
                                               const void* x, const void* logits,
                                               const void* gradient, void* x_gradient,
                                               void* logits_gradient, const CudaStream& cuda);

}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_IMPORTANCE_POOL_H_
