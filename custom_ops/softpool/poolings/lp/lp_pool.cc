#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "softpool/poolings/lp/lp_pool.cc"
#include <hwy/foreach_target.h>
// Headers that are compiled for each target must follow foreach_target.h.
#include <hwy/highway.h>

#include "softpool/engine/driver-inl.h"
#include "softpool/engine/parameter_sums-inl.h"
#include "softpool/poolings/lp/lp_pool-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
using LpPoolGradOnHost = SummingOnHost<LpPoolGradMath, C>;

void LpPool(const Call& call, const ParallelFor& parallel) {
  RunPooling<LpPoolMath>(call, parallel);
}

void LpPoolGrad(const Call& call, const ParallelFor& parallel) {
  RunPooling<LpPoolGradOnHost>(call, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>LpPool", LpPool);
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>LpPoolGrad", LpPoolGrad);
}  // namespace softpool
#endif  // HWY_ONCE
