#include "kernels/importance_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/importance_pool.cc"
#include <hwy/foreach_target.h>
// The target's headers follow it.
#include <hwy/highway.h>

#include "kernels/importance_pool-inl.h"
#include "kernels/walk-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

void ImportancePoolTarget(DataType type, const PoolGeometry& g, const void* x, const void* logits,
                          void* y, const ParallelFor& parallel) {
  WithType(type, [&](auto value) {
    using T = decltype(value);
    using Math = ImportancePoolMath<ComputeType<T>>;
    const Tensors<T, Math> tensors{
        {static_cast<const T*>(x), static_cast<const T*>(logits)}, {}, {static_cast<T*>(y)}, {}};
    Pool(Math(), g, tensors, parallel);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {

HWY_EXPORT(ImportancePoolTarget);

void ImportancePool(DataType type, const PoolGeometry& geometry, const void* x, const void* logits,
                    void* y, const ParallelFor& parallel) {
  if (geometry.Empty()) return;
  HWY_DYNAMIC_DISPATCH(ImportancePoolTarget)(type, geometry, x, logits, y, parallel);
}

}  // namespace softpool
#endif  // HWY_ONCE
