// Local importance pooling: the average of a window, weighted by the softmax of logits. Each value
// x_i comes with a logit l_i. SoftPool is the case l = x.
//
//   y = sum_i w_i x_i,   w_i = e^(l_i) / sum_j e^(l_j)
//
// Values of -inf have no weight, whatever their logit. Source: Z. Gao, L. Wang, G. Wu, "LIP: local
// importance-based pooling".
#if defined(SOFTPOOL_POOLINGS_IMPORTANCE_IMPORTANCE_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_IMPORTANCE_IMPORTANCE_POOL_INL_H_
#undef SOFTPOOL_POOLINGS_IMPORTANCE_IMPORTANCE_POOL_INL_H_
#else
#define SOFTPOOL_POOLINGS_IMPORTANCE_IMPORTANCE_POOL_INL_H_
#endif

#include <limits>
#include <vector>

#include "softpool/engine/pool_math.h"
#include "softpool/poolings/importance/importance_reference.h"
#include "softpool/poolings/shared/weighted_average-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// Averages tensor 0, weighted by the softmax of tensor 1. A value of -inf takes no part, as if its
// logit were -inf and the value zero; but NaN in its logit stays. The average is not finite if
// another value or the largest logit is not finite, or if a value times a scaled exponential
// overflows.
template <class W>
HWY_INLINE void AverageByImportance(const W& window, WeightedAverage<W, false>* average) {
  using D = typename W::D;
  constexpr bool kFew = W::kTaps > 0;
  const V<D> nothing = hn::Set(D(), -std::numeric_limits<hn::TFromD<D>>::infinity());
  // If the compiler knows the number of taps, logits are kept. Otherwise they are loaded again.
  V<D> logits[kFew ? W::kTaps : 1];
  const auto load = [&](int64_t i, const Tap& tap) HWY_ATTR {
    const V<D> value = window.template Load<0>(tap), logit = window.template Load<1>(tap);
    const auto is_nothing = hn::Eq(value, nothing);
    average->SetValue(i, hn::IfThenZeroElse(is_nothing, value));
    return hn::IfThenElse(is_nothing, hn::Add(value, logit), logit);
  };
  V<D> largest = nothing;
  window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
    const V<D> logit = load(i, tap);
    if (kFew) logits[kFew ? i : 0] = logit;
    largest = Larger(D(), logit, largest);
  });
  window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
    // Of -inf, the exponential is exactly zero.
    V<D> distance = hn::Sub(kFew ? logits[kFew ? i : 0] : load(i, tap), largest);
    average->Weigh(i, ScaledExp(D(), &distance));
  });
  average->Finish();
}

// Returns the results of the slow reference path for one lane's window.
template <class W>
HWY_INLINE auto ImportanceReferenceOf(const W& window, [[maybe_unused]] size_t lane) {
  using Real = WiderType<hn::TFromD<typename W::D>>;
  ImportanceReference<Real> reference;
#if defined(SOFTPOOL_ONE_LANE)
  reference.Run([&](const auto& f) {
    window.ForEach([&](int64_t, const Tap& tap) {
      f(static_cast<Real>(window.template Load<0>(tap)),
        static_cast<Real>(window.template Load<1>(tap)));
    });
  });
#else
  std::vector<Real> x, logits;
  window.ForEach([&](int64_t, const Tap& tap) {
    x.push_back(window.template LoadLane<0>(tap, lane));
    logits.push_back(window.template LoadLane<1>(tap, lane));
  });
  // RunReference() is compiled once, not for each target.
  RunReference(x, logits, &reference);
#endif
  return reference;
}

// The average of x_i with the weights e^(l_i - m), where m is the window's largest logit.
template <class C>
struct ImportancePoolMath : PoolMath {
  static constexpr int kTapInputs = 2, kWindowOutputs = 1;
  static constexpr int kCyclesPerTap = 2;

  AverageMemory<C> memory;

  explicit ImportancePoolMath(const Call&) {}

  template <class W>
  HWY_INLINE void Run(const W& window) {
    using D = typename W::D;
    if (W::kTaps == 0 && window.Taps() > kMostTapsInLanes) {
      return RunReference(window.AnySize(), hn::FirstN(D(), 0));
    }
    WeightedAverage<W, false> average(window, &memory);
    AverageByImportance(window, &average);
    window.StoreWindow(average.Average());
    const auto finite = hn::IsFinite(average.Average());
    if (HWY_UNLIKELY(!hn::AllTrue(D(), finite))) RunReference(window.AnySize(), finite);
  }

  // Stores the reference path's results for the lanes that are not `done`.
  template <class W>
  HWY_NOINLINE void RunReference(const W& window, M<typename W::D> done) {
    ForEachUnset(window, done, [&](size_t lane) {
      window.StoreLane(static_cast<C>(ImportanceReferenceOf(window, lane).y), lane);
    });
  }
};

// With g = dL/dy, dL/dx_i = g w_i and dL/dl_i = g w_i (x_i - y). If y is infinite, dL/dl_i is zero.
template <class C>
struct ImportancePoolGradMath : PoolMath {
  static constexpr int kTapInputs = 2, kWindowInputs = 1, kTapOutputs = 2;
  static constexpr int kCyclesPerTap = 3;

  AverageMemory<C> memory;
  // For windows whose number of taps the compiler does not know.
  LaneMemory<C> value_memory, logit_memory;

  explicit ImportancePoolGradMath(const Call&) {}

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
      // Divided() comes last because the weight may be subnormal, unlike its scaled form, Share().
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

  // Replaces the gradients of one lane's taps with those of the reference path.
  template <class W>
  HWY_NOINLINE void SetLane(const W& window, size_t lane, TapRow<W>* to_value,
                            TapRow<W>* to_logit) {
    ForEachToTap(window, lane, [&](int64_t i, const Tap&, C value, C logit) {
      to_value->SetLane(i, lane, value);
      to_logit->SetLane(i, lane, logit);
    });
  }

  // Runs a window of more than kMostTapsInLanes taps, one lane after another.
  template <class W>
  HWY_NOINLINE void RunMany(const W& window) {
    ForEachOwnLane(window, [&](size_t lane) {
      ForEachToTap(window, lane, [&](int64_t, const Tap& tap, C value, C logit) {
        window.template EmitLane<0>(tap, value, lane);
        window.template EmitLane<1>(tap, logit, lane);
      });
    });
  }

  // Calls f(index, tap, gradient of the value, gradient of the logit) for each tap of one lane.
  template <class W, class F>
  HWY_INLINE void ForEachToTap(const W& window, size_t lane, const F& f) {
    using Real = WiderType<C>;
    const auto reference = ImportanceReferenceOf(window, lane);
    const Real g = window.LoadWindowLane(lane);
    window.ForEach([&](int64_t i, const Tap& tap) {
      const Real x = window.template LoadLane<0>(tap, lane);
      const Real logit = window.template LoadLane<1>(tap, lane);
      f(i, tap, static_cast<C>(reference.ToValue(x, logit, g)),
        static_cast<C>(reference.ToLogit(x, logit, g)));
    });
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
