#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "softpool/poolings/detail_preserving/detail_preserving_pool_grad.cc"
#include <hwy/foreach_target.h>
// Headers that are compiled for each target must follow foreach_target.h.
#include <hwy/highway.h>

#include "softpool/engine/driver-inl.h"
#include "softpool/engine/parameter_sums-inl.h"
#include "softpool/poolings/detail_preserving/detail_preserving_pool-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
struct DetailPreservingPoolGradOnHost : HostDetailTables<C>, DetailPoolGradMath<C, SummingMath<C>> {
  using Math = DetailPoolGradMath<C, SummingMath<C>>;

  explicit DetailPreservingPoolGradOnHost(const Call& call)
      : HostDetailTables<C>(call),
        Math(HostDetailTables<C>::tables,
             SummingMath<C>(2, call.geometry.Channels(), /*per_channel=*/true)) {}

  void Finish(const Call& call) const {
    Math::parameters->Total(Math::kToAlpha, 1, static_cast<C*>(call.Output("alpha_grad").data));
    Math::parameters->Total(Math::kToLambda, 1, static_cast<C*>(call.Output("lam_grad").data));
  }
};

void DetailPreservingPoolGrad(const Call& call, const ParallelFor& parallel) {
  RunPooling<DetailPreservingPoolGradOnHost>(call, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>DetailPreservingPoolGrad", DetailPreservingPoolGrad);
}  // namespace softpool
#endif  // HWY_ONCE
