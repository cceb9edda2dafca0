#include "kernels/soft_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/soft_pool.cc"
#include <hwy/foreach_target.h>
// The target's headers follow it.
#include <hwy/highway.h>

#include "kernels/soft_pool-inl.h"
#include "kernels/walk-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

void SoftPoolTarget(DataType type, const PoolGeometry& g, const void* x, void* y,
                    const ParallelFor& parallel) {
  WithType(type, [&](auto value) {
    using T = decltype(value);
    const Tensors<T, SoftPoolMath> tensors{
        {static_cast<const T*>(x)}, {}, {static_cast<T*>(y)}, {}};
    Pool(SoftPoolMath(), g, tensors, parallel);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {

HWY_EXPORT(SoftPoolTarget);

void SoftPool(DataType type, const PoolGeometry& geometry, const void* x, void* y,
              const ParallelFor& parallel) {
  if (geometry.Empty()) return;
  HWY_DYNAMIC_DISPATCH(SoftPoolTarget)(type, geometry, x, y, parallel);
}

}  // namespace softpool
#endif  // HWY_ONCE
