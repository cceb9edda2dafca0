// The mathematics of importance pooling's gradients.
#if defined(TF_SOFTPOOL_KERNELS_IMPORTANCE_POOL_GRAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_IMPORTANCE_POOL_GRAD_INL_H_
#undef TF_SOFTPOOL_KERNELS_IMPORTANCE_POOL_GRAD_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_IMPORTANCE_POOL_GRAD_INL_H_
#endif

#include "kernels/importance-inl.h"
#include "kernels/pool_math.h"
#include "kernels/single_lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// dL/dx_i = g w_i, dL/dl_i = g w_i (x_i - y).
template <class C>
struct ImportancePoolGradMath : PoolMath {
  static constexpr int kTapInputs = 2, kWindowInputs = 1, kTapOutputs = 2;
  static constexpr int kCyclesPerTap = 3;

  AverageMemory<C> memory;
  // Of windows whose taps the compiler does not know.
  LaneMemory<C> value_memory, logit_memory;

  template <class W>
  HWY_INLINE void Run(const W& window) {
    using D = typename W::D;
    constexpr bool kFew = W::kTaps > 0;
    if constexpr (!kFew) {
      if (window.Taps() > kMostTapsInLanes) return RunMany(window);
    }
    WeightedAverage<W, false> average(window, &memory);
    AverageByImportance(window, &average);
    const auto finite = hn::IsFinite(average.Average());
    const bool all_finite = HWY_LIKELY(hn::AllTrue(D(), finite));
    if constexpr (kFew) {
      if (!all_finite) return RunSlowly(window.AnySize());
    }
    const V<D> g = window.LoadWindow();
    TapRow<W> to_value(window, &value_memory), to_logit(window, &logit_memory);
    window.ForEach([&](int64_t i, const Tap&) HWY_ATTR {
      // The scaled weight comes last to its true size, which may be subnormal.
      const V<D> product = hn::Mul(average.Share(i), average.FromAverage(i));
      to_value.Set(i, hn::Mul(g, average.Divided(average.Share(i))));
      to_logit.Set(i, hn::Mul(g, average.Divided(product)));
    });
    if constexpr (!kFew) {
      ForEachUnset(window, finite,
                   [&](size_t lane) { SetLane(window, lane, &to_value, &to_logit); });
    }
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      window.template Emit<0>(tap, to_value.At(i));
      window.template Emit<1>(tap, to_logit.At(i));
    });
  }

  template <class W>
  HWY_NOINLINE void RunSlowly(const W& window) {
    Run(window);
  }

  // Replaces what one lane's taps get in memory.
  template <class W>
  HWY_NOINLINE void SetLane(const W& window, size_t lane, TapRow<W>* to_value,
                            TapRow<W>* to_logit) {
    ForEachToTap(window, lane, [&](int64_t i, const Tap&, C value, C logit) {
      to_value->SetLane(i, lane, value);
      to_logit->SetLane(i, lane, logit);
    });
  }

  // Windows of very many taps.
  template <class W>
  HWY_NOINLINE void RunMany(const W& window) {
    ForEachOwnLane(window, [&](size_t lane) {
      ForEachToTap(window, lane, [&](int64_t, const Tap& tap, C value, C logit) {
        window.template EmitLane<0>(tap, value, lane);
        window.template EmitLane<1>(tap, logit, lane);
      });
    });
  }

  // Calls f(index, tap, what its value gets, what its logit gets).
  template <class W, class F>
  HWY_INLINE void ForEachToTap(const W& window, size_t lane, const F& f) {
    using Real = WiderType<C>;
    const auto by_the_book = ImportanceByTheBook(window, lane);
    const Real g = window.LoadWindowLane(lane);
    window.ForEach([&](int64_t i, const Tap& tap) {
      const Real x = window.template LoadLane<0>(tap, lane);
      const Real logit = window.template LoadLane<1>(tap, lane);
      f(i, tap, static_cast<C>(by_the_book.ToValue(x, logit, g)),
        static_cast<C>(by_the_book.ToLogit(x, logit, g)));
    });
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
