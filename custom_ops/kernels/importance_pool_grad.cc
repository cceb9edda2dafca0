#include "kernels/importance_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/importance_pool_grad.cc"
#include <hwy/foreach_target.h>
// The target's headers follow it.
#include <hwy/highway.h>

#include "kernels/importance_pool_grad-inl.h"
#include "kernels/walk-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

void ImportancePoolGradTarget(DataType type, const PoolGeometry& g, const void* x,
                              const void* logits, const void* gradient, void* x_gradient,
                              void* logits_gradient, const ParallelFor& parallel) {
  WithType(type, [&](auto value) {
    using T = decltype(value);
    using Math = ImportancePoolGradMath<ComputeType<T>>;
    const Tensors<T, Math> tensors{{static_cast<const T*>(x), static_cast<const T*>(logits)},
                                   {static_cast<const T*>(gradient)},
                                   {},
                                   {static_cast<T*>(x_gradient), static_cast<T*>(logits_gradient)}};
    Pool(Math(), g, tensors, parallel);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {

HWY_EXPORT(ImportancePoolGradTarget);

void ImportancePoolGrad(DataType type, const PoolGeometry& geometry, const void* x,
                        const void* logits, const void* gradient, void* x_gradient,
                        void* logits_gradient, const ParallelFor& parallel) {
  if (geometry.Empty()) return;
  HWY_DYNAMIC_DISPATCH(ImportancePoolGradTarget)
  (type, geometry, x, logits, gradient, x_gradient, logits_gradient, parallel);
}

}  // namespace softpool
#endif  // HWY_ONCE
