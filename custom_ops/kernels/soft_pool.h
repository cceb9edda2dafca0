// SoftPool: the average of a window weighed by the softmax of its own values.
//
//   y = sum_i w_i a_i,   w_i = e^(a_i) / sum_j e^(a_j)
//
// A. Stergiou, R. Poppe, G. Kalliatakis, "Refining activation downsampling with SoftPool",
// section 3.
#ifndef TF_SOFTPOOL_KERNELS_SOFT_POOL_H_
#define TF_SOFTPOOL_KERNELS_SOFT_POOL_H_

#include <string>

#include "kernels/cuda_stream.h"
#include "kernels/data_type.h"
#include "kernels/export.h"
#include "kernels/geometry.h"
#include "kernels/parallel.h"

namespace softpool {

// What is sent back to a_i for a gradient g of y.
enum class SoftPoolGradient {
  kExact,    // the derivative, g w_i (1 + a_i - y)
  kWeights,  // g w_i, as the paper's own code does (its figure 4)
};

// Tensors are dense, of the type named; x has the geometry's input shape, y its output shape.
SOFTPOOL_EXPORT void SoftPool(DataType type, const PoolGeometry& geometry, const void* x, void* y,
                              const ParallelFor& parallel);

// `gradient` is that of y, and `x_gradient` receives that of x.
SOFTPOOL_EXPORT void SoftPoolGrad(DataType type, const PoolGeometry& geometry,
                                  SoftPoolGradient kind, const void* x, const void* gradient,
                                  void* x_gradient, const ParallelFor& parallel);

// The same on a CUDA device, which all pointers to values are into. Work is given to the stream and
// not waited for. Returns CUDA's word for what went wrong, or an empty string.
SOFTPOOL_EXPORT std::string SoftPool(DataType type, const PoolGeometry& geometry, const void* x,
                                     void* y, const CudaStream& cuda);
SOFTPOOL_EXPORT std::string SoftPoolGrad(DataType type, const PoolGeometry& geometry,
                                         SoftPoolGradient kind, const void* x, const void* gradient,
                                         void* x_gradient, const CudaStream& cuda);

}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_SOFT_POOL_H_
