#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "softpool/poolings/soft/soft_pool_grad.cc"
#include <hwy/foreach_target.h>
// Headers that are compiled for each target must follow foreach_target.h.
#include <hwy/highway.h>

#include "softpool/engine/driver-inl.h"
#include "softpool/poolings/soft/soft_pool_blocks-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

void SoftPoolGrad(const Call& call, const ParallelFor& parallel) {
  RunPooling<SoftPoolGradBlocks>(call, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>SoftPoolGrad", SoftPoolGrad);
}  // namespace softpool
#endif  // HWY_ONCE
