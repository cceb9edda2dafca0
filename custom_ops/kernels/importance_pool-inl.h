// The mathematics of importance pooling.
#if defined(TF_SOFTPOOL_KERNELS_IMPORTANCE_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_IMPORTANCE_POOL_INL_H_
#undef TF_SOFTPOOL_KERNELS_IMPORTANCE_POOL_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_IMPORTANCE_POOL_INL_H_
#endif

#include "kernels/importance-inl.h"
#include "kernels/pool_math.h"
#include "kernels/single_lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// The average of x_i by e^(l_i - m), m the window's largest logit.
template <class C>
struct ImportancePoolMath : PoolMath {
  static constexpr int kTapInputs = 2, kWindowOutputs = 1;
  static constexpr int kCyclesPerTap = 2;

  AverageMemory<C> memory;

  template <class W>
  HWY_INLINE void Run(const W& window) {
    using D = typename W::D;
    if (W::kTaps == 0 && window.Taps() > kMostTapsInLanes) {
      return RunByTheBook(window.AnySize(), hn::FirstN(D(), 0));
    }
    WeightedAverage<W, false> average(window, &memory);
    AverageByImportance(window, &average);
    window.StoreWindow(average.Average());
    const auto finite = hn::IsFinite(average.Average());
    if (HWY_UNLIKELY(!hn::AllTrue(D(), finite))) RunByTheBook(window.AnySize(), finite);
  }

  // For the lanes that are not `done`.
  template <class W>
  HWY_NOINLINE void RunByTheBook(const W& window, M<typename W::D> done) {
    ForEachUnset(window, done, [&](size_t lane) {
      window.StoreLane(static_cast<C>(ImportanceByTheBook(window, lane).y), lane);
    });
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
