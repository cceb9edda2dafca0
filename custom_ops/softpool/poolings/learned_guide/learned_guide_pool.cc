#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "softpool/poolings/learned_guide/learned_guide_pool.cc"
#include <hwy/foreach_target.h>
// Headers that are compiled for each target must follow foreach_target.h.
#include <hwy/highway.h>

#include "softpool/engine/driver-inl.h"
#include "softpool/engine/parameter_sums-inl.h"
#include "softpool/poolings/learned_guide/learned_guide_pool-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
using LearnedGuideGradOnHost = SummingOnHost<LearnedGuideGradMath, C>;

void LearnedGuide(const Call& call, const ParallelFor& parallel) {
  RunPooling<LearnedGuideMath>(call, parallel);
}

void LearnedGuideGrad(const Call& call, const ParallelFor& parallel) {
  RunPooling<LearnedGuideGradOnHost>(call, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>LearnedGuide", LearnedGuide);
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>LearnedGuideGrad", LearnedGuideGrad);
}  // namespace softpool
#endif  // HWY_ONCE
