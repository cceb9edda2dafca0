#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "softpool/poolings/stochastic/stochastic_pool.cc"
#include <hwy/foreach_target.h>
// Headers that are compiled for each target must follow foreach_target.h.
#include <hwy/highway.h>

#include "softpool/engine/driver-inl.h"
#include "softpool/poolings/stochastic/stochastic_pool-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// Draws if there is a seed.
void StochasticPool(const Call& call, const ParallelFor& parallel) {
  if (call.Input("seed").data != nullptr) return RunPooling<DrawMath>(call, parallel);
  RunPooling<ExpectationMath>(call, parallel);
}

void StochasticPoolGrad(const Call& call, const ParallelFor& parallel) {
  if (call.Input("seed").data != nullptr) return RunPooling<DrawGradMath>(call, parallel);
  RunPooling<ExpectationGradMath>(call, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>StochasticPool", StochasticPool);
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>StochasticPoolGrad", StochasticPoolGrad);
}  // namespace softpool
#endif  // HWY_ONCE
