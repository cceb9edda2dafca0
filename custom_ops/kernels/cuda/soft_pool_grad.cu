// SoftPool's gradient on a device.
#define SOFTPOOL_ONE_LANE
#include "kernels/cuda/pool.h"
#include "kernels/soft_pool.h"
#include "kernels/soft_pool_grad-inl.h"

namespace softpool {

std::string SoftPoolGrad(DataType type, const PoolGeometry& geometry, SoftPoolGradient kind,
                         const void* x, const void* gradient, void* x_gradient,
                         const CudaStream& cuda) {
  if (geometry.Empty()) return "";
  std::string error;
  WithType(type, [&](auto value) {
    using T = decltype(value);
    using Math = HWY_NAMESPACE::SoftPoolGradMath;
    const Tensors<T, Math> tensors{{static_cast<const T*>(x)},
                                   {static_cast<const T*>(gradient)},
                                   {},
                                   {static_cast<T*>(x_gradient)}};
    error = HWY_NAMESPACE::Pooling<Math, T>(Math(kind), geometry, tensors, cuda).Run();
  });
  return error;
}

}  // namespace softpool
