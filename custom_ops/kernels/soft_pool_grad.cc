#include "kernels/soft_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/soft_pool_grad.cc"
#include <hwy/foreach_target.h>
// The target's headers follow it.
#include <hwy/highway.h>

#include "kernels/soft_pool_grad-inl.h"
#include "kernels/walk-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

void SoftPoolGradTarget(DataType type, const PoolGeometry& g, SoftPoolGradient kind, const void* x,
                        const void* gradient, void* x_gradient, const ParallelFor& parallel) {
  WithType(type, [&](auto value) {
    using T = decltype(value);
    const Tensors<T, SoftPoolGradMath> tensors{{static_cast<const T*>(x)},
                                               {static_cast<const T*>(gradient)},
                                               {},
                                               {static_cast<T*>(x_gradient)}};
    Pool(SoftPoolGradMath(kind), g, tensors, parallel);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {

HWY_EXPORT(SoftPoolGradTarget);

void SoftPoolGrad(DataType type, const PoolGeometry& geometry, SoftPoolGradient kind, const void* x,
                  const void* gradient, void* x_gradient, const ParallelFor& parallel) {
  if (geometry.Empty()) return;
  HWY_DYNAMIC_DISPATCH(SoftPoolGradTarget)
  (type, geometry, kind, x, gradient, x_gradient, parallel);
}

}  // namespace softpool
#endif  // HWY_ONCE
