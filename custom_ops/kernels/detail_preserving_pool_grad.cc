#include "kernels/detail_preserving_pool.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/detail_preserving_pool_grad.cc"
#include <hwy/foreach_target.h>
// The target's headers follow it.
#include <hwy/highway.h>

#include "kernels/channel_sums-inl.h"
#include "kernels/detail_preserving_pool_grad-inl.h"
#include "kernels/detail_tables-inl.h"
#include "kernels/walk-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

void DetailPoolGradTarget(DataType type, const PoolGeometry& g, const DetailInputs& inputs,
                          const void* gradient, const DetailGradients& gradients,
                          const ParallelFor& parallel) {
  const ScopedSubnormals subnormals;
  WithType(type, [&](auto value) {
    using T = decltype(value);
    using C = ComputeType<T>;
    using Math = DetailPoolGradMath<C, SummingMath<C>>;
    const Tensors<T, Math> tensors{
        {static_cast<const T*>(inputs.x)},
        {static_cast<const T*>(gradient), static_cast<const T*>(inputs.guide)},
        {static_cast<T*>(gradients.guide)},
        {static_cast<T*>(gradients.x)}};
    const int64_t channels = g.Channels();
    ParameterSums<C> sums(2, channels, /*per_channel=*/true);
    const HostDetailTables<C> tables(inputs.parameters, channels);
    Pool(Math(tables.View(), SummingMath<C>(&sums)), g, tensors, parallel);
    std::vector<C> totals(2 * channels);
    sums.Total(totals.data());
    std::copy_n(totals.begin(), channels, static_cast<C*>(gradients.alpha));
    std::copy_n(totals.begin() + channels, channels, static_cast<C*>(gradients.lambda));
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {

HWY_EXPORT(DetailPoolGradTarget);

void DetailPreservingPoolGrad(DataType type, const PoolGeometry& geometry,
                              const DetailInputs& inputs, const void* gradient,
                              const DetailGradients& gradients, const ParallelFor& parallel) {
  if (geometry.Empty()) {
    const size_t size = type == DataType::kFloat64 ? sizeof(double) : sizeof(float);
    std::memset(gradients.alpha, 0, size * geometry.Channels());
    std::memset(gradients.lambda, 0, size * geometry.Channels());
    return;
  }
  HWY_DYNAMIC_DISPATCH(DetailPoolGradTarget)
  (type, geometry, inputs, gradient, gradients, parallel);
}

}  // namespace softpool
#endif  // HWY_ONCE
