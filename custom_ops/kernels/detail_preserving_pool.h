// Detail-preserving pooling: values weigh the more, the more they differ from a guide.
//
//   y = sum_i w_i x_i / sum_i w_i,   w_i = alpha + rho(x_i - guide)
//   rho(d) = (d^2 + epsilon^2)^(lambda / 2), or with max(d, 0) in the place of d
//
// The guide has one value for each window: given, or the window's average. F. Saeedan, N. Weber, M.
// Goesele, S. Roth, "Detail-preserving pooling in deep networks".
#ifndef TF_SOFTPOOL_KERNELS_DETAIL_PRESERVING_POOL_H_
#define TF_SOFTPOOL_KERNELS_DETAIL_PRESERVING_POOL_H_

#include <string>

#include "kernels/cuda_stream.h"
#include "kernels/data_type.h"
#include "kernels/export.h"
#include "kernels/geometry.h"
#include "kernels/parallel.h"

namespace softpool {

inline constexpr double kDetailEpsilon = 1e-3;

// One alpha and one lambda for each channel, in the type that values are computed in.
struct DetailParameters {
  const void* alpha;
  const void* lambda;
  bool symmetric;  // or else only what is above the guide counts as detail
};

// What a pooling reads. Tensors are dense, of the type named; x has the geometry's input shape,
// guide the output shape, or it is null for each window's average. Values of -inf have no weight.
struct DetailInputs {
  const void* x;
  const void* guide;
  DetailParameters parameters;
};
SOFTPOOL_EXPORT void DetailPreservingPool(DataType type, const PoolGeometry& geometry,
                                          const DetailInputs& inputs, void* y,
                                          const ParallelFor& parallel);

// Where gradients go: to all inputs. Where y is infinite, the largest values share that of y, and
// all others get zero.
struct DetailGradients {
  void* x;
  void* guide;  // null where there is none
  void* alpha;
  void* lambda;
};
SOFTPOOL_EXPORT void DetailPreservingPoolGrad(DataType type, const PoolGeometry& geometry,
                                              const DetailInputs& inputs, const void* gradient,
                                              const DetailGradients& gradients,
                                              const ParallelFor& parallel);

// The same on a CUDA device, which all pointers to values are into. Work is given to the stream and
// not waited for. Returns CUDA's word for what went wrong, or an empty string.
SOFTPOOL_EXPORT std::string DetailPreservingPool(DataType type, const PoolGeometry& geometry,
                                                 const DetailInputs& inputs, void* y,
                                                 const CudaStream& cuda);
SOFTPOOL_EXPORT std::string DetailPreservingPoolGrad(DataType type, const PoolGeometry& geometry,
                                                     const DetailInputs& inputs,
                                                     const void* gradient,
                                                     const DetailGradients& gradients,
                                                     const CudaStream& cuda);

}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_DETAIL_PRESERVING_POOL_H_
