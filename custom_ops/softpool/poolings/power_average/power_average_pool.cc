#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "softpool/poolings/power_average/power_average_pool.cc"
#include <hwy/foreach_target.h>
// Headers that are compiled for each target must follow foreach_target.h.
#include <hwy/highway.h>

#include "softpool/engine/driver-inl.h"
#include "softpool/poolings/power_average/power_average_pool-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

void PowerAveragePool(const Call& call, const ParallelFor& parallel) {
  RunPooling<PowerAveragePoolMath>(call, parallel);
}

void PowerAveragePoolGrad(const Call& call, const ParallelFor& parallel) {
  RunPooling<PowerAveragePoolGradMath>(call, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>PowerAveragePool", PowerAveragePool);
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>PowerAveragePoolGrad", PowerAveragePoolGrad);
}  // namespace softpool
#endif  // HWY_ONCE
