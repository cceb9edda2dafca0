#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "softpool/poolings/gated/gated_pool.cc"
#include <hwy/foreach_target.h>
// Headers that are compiled for each target must follow foreach_target.h.
#include <hwy/highway.h>

#include "softpool/engine/driver-inl.h"
#include "softpool/engine/parameter_sums-inl.h"
#include "softpool/poolings/gated/gated_pool-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
using GatedPoolGradOnHost = SummingOnHost<GatedPoolGradMath, C>;

void GatedPool(const Call& call, const ParallelFor& parallel) {
  RunPooling<GatedPoolMath>(call, parallel);
}

void GatedPoolGrad(const Call& call, const ParallelFor& parallel) {
  RunPooling<GatedPoolGradOnHost>(call, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>GatedPool", GatedPool);
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>GatedPoolGrad", GatedPoolGrad);
}  // namespace softpool
#endif  // HWY_ONCE
