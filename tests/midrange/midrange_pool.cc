#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "midrange_pool.cc"
#include <hwy/foreach_target.h>
// The per-target headers must come after foreach_target.h.
#include <hwy/highway.h>

#include "midrange_pool-inl.h"
#include "softpool/engine/driver-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

void MidrangePool(const Call& call, const ParallelFor& parallel) {
  RunPooling<MidrangePoolMath>(call, parallel);
}

void MidrangePoolGrad(const Call& call, const ParallelFor& parallel) {
  RunPooling<MidrangePoolGradMath>(call, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>MidrangePool", MidrangePool);
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>MidrangePoolGrad", MidrangePoolGrad);
}  // namespace softpool
#endif  // HWY_ONCE
