#include "kernels/detail_preserving_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/detail_preserving_pool.cc"
#include <hwy/foreach_target.h>
// The target's headers follow it.
#include <hwy/highway.h>

#include "kernels/detail_preserving_pool-inl.h"
#include "kernels/detail_tables-inl.h"
#include "kernels/walk-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

void DetailPoolTarget(DataType type, const PoolGeometry& g, const DetailInputs& inputs, void* y,
                      const ParallelFor& parallel) {
  const ScopedSubnormals subnormals;
  WithType(type, [&](auto value) {
    using T = decltype(value);
    using C = ComputeType<T>;
    const Tensors<T, DetailPoolMath<C>> tensors{{static_cast<const T*>(inputs.x)},
                                                {static_cast<const T*>(inputs.guide)},
                                                {static_cast<T*>(y)},
                                                {}};
    const HostDetailTables<C> tables(inputs.parameters, g.Channels());
    Pool(DetailPoolMath<C>(tables.View()), g, tensors, parallel);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {

HWY_EXPORT(DetailPoolTarget);

void DetailPreservingPool(DataType type, const PoolGeometry& geometry, const DetailInputs& inputs,
                          void* y, const ParallelFor& parallel) {
  if (geometry.Empty()) return;
  HWY_DYNAMIC_DISPATCH(DetailPoolTarget)(type, geometry, inputs, y, parallel);
}

}  // namespace softpool
#endif  // HWY_ONCE
