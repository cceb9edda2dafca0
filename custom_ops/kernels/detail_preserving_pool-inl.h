// The mathematics of detail-preserving pooling.
#if defined(TF_SOFTPOOL_KERNELS_DETAIL_PRESERVING_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_DETAIL_PRESERVING_POOL_INL_H_
#undef TF_SOFTPOOL_KERNELS_DETAIL_PRESERVING_POOL_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_DETAIL_PRESERVING_POOL_INL_H_
#endif

#include "kernels/detail-inl.h"
#include "kernels/host_device.h"
#include "kernels/pool_math.h"
#include "kernels/single_lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
struct DetailPoolMath : PoolMath {
  static constexpr int kWindowInputs = 1, kWindowOutputs = 1;
  static constexpr int kCyclesPerTap = 3;
  static constexpr bool kUsesChannels = true;

  DetailTables<C> tables;
  AverageMemory<C> memory;

  SOFTPOOL_HOST_DEVICE explicit DetailPoolMath(const DetailTables<C>& tables) : tables(tables) {}

  template <class W>
  HWY_INLINE void Run(const W& window) {
    using D = typename W::D;
    if (W::kTaps == 0 && window.Taps() > kMostTapsInLanes) {
      return RunByTheBook(window.AnySize(), hn::FirstN(D(), 0));
    }
    const DetailWeights<W, 0> weights(window, tables, &memory, [](auto&&...) {});
    window.StoreWindow(weights.Average().Average());
    if (HWY_UNLIKELY(!hn::AllTrue(D(), weights.Right()))) {
      RunByTheBook(window.AnySize(), weights.Right());
    }
  }

  // For the lanes that are not `done`.
  template <class W>
  HWY_NOINLINE void RunByTheBook(const W& window, M<typename W::D> done) {
    ForEachUnset(window, done, [&](size_t lane) {
      const auto by_the_book = DetailByTheBook<0>(window, lane, tables, /*with_gradients=*/false);
      window.StoreLane(static_cast<C>(by_the_book.y), lane);
    });
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
