#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "softpool/poolings/detail_preserving/detail_preserving_pool.cc"
#include <hwy/foreach_target.h>
// Headers that are compiled for each target must follow foreach_target.h.
#include <hwy/highway.h>

#include "softpool/engine/driver-inl.h"
#include "softpool/poolings/detail_preserving/detail_preserving_pool-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
struct DetailPreservingPoolOnHost : HostDetailTables<C>, DetailPoolMath<C> {
  explicit DetailPreservingPoolOnHost(const Call& call)
      : HostDetailTables<C>(call), DetailPoolMath<C>(HostDetailTables<C>::tables) {}
};

void DetailPreservingPool(const Call& call, const ParallelFor& parallel) {
  RunPooling<DetailPreservingPoolOnHost>(call, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>DetailPreservingPool", DetailPreservingPool);
}  // namespace softpool
#endif  // HWY_ONCE
