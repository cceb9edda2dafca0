#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "softpool/poolings/sum/sum_pool.cc"
#include <hwy/foreach_target.h>
// Headers that are compiled for each target must follow foreach_target.h.
#include <hwy/highway.h>

#include "softpool/engine/driver-inl.h"
#include "softpool/poolings/sum/sum_pool-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

void SumPool(const Call& call, const ParallelFor& parallel) {
  RunPooling<SumPoolMath>(call, parallel);
}

void SumPoolGrad(const Call& call, const ParallelFor& parallel) {
  RunPooling<SumPoolGradMath>(call, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>SumPool", SumPool);
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>SumPoolGrad", SumPoolGrad);
}  // namespace softpool
#endif  // HWY_ONCE
