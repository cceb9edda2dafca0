#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "softpool/poolings/mixed/mixed_pool.cc"
#include <hwy/foreach_target.h>
// Headers that are compiled for each target must follow foreach_target.h.
#include <hwy/highway.h>

#include "softpool/engine/driver-inl.h"
#include "softpool/engine/parameter_sums-inl.h"
#include "softpool/poolings/mixed/mixed_pool-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
using MixedPoolGradOnHost = SummingOnHost<MixedPoolGradMath, C>;

void MixedPool(const Call& call, const ParallelFor& parallel) {
  RunPooling<MixedPoolMath>(call, parallel);
}

void MixedPoolGrad(const Call& call, const ParallelFor& parallel) {
  RunPooling<MixedPoolGradOnHost>(call, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>MixedPool", MixedPool);
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>MixedPoolGrad", MixedPoolGrad);
}  // namespace softpool
#endif  // HWY_ONCE
