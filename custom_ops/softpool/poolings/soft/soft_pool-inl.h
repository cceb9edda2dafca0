// SoftPool: the average of a window, weighted by the softmax of its own values.
//
//   y = sum_i w_i a_i,   w_i = e^(a_i) / sum_j e^(a_j)
//
// Source: A. Stergiou, R. Poppe, G. Kalliatakis, "Refining activation downsampling with SoftPool",
// section 3.
#if defined(SOFTPOOL_POOLINGS_SOFT_SOFT_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SOFT_SOFT_POOL_INL_H_
#undef SOFTPOOL_POOLINGS_SOFT_SOFT_POOL_INL_H_
#else
#define SOFTPOOL_POOLINGS_SOFT_SOFT_POOL_INL_H_
#endif

#include <limits>

#include "softpool/engine/pool_math.h"
#include "softpool/engine/taps-inl.h"
#include "softpool/simd/exp_pow-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// Returns a - m. With kInfinite, m may be infinite, and the distance of a value equal to m is zero
// instead of NaN. The formulas that use the distance then give the limit.
template <bool kInfinite, class D>
HWY_INLINE V<D> Distance(D, V<D> a, V<D> m) {
  if constexpr (!kInfinite) return hn::Sub(a, m);
  return hn::IfThenZeroElse(hn::Eq(a, m), hn::Sub(a, m));
}

template <class D>
HWY_INLINE bool AnyInfinite(D d, V<D> m) {
  const auto infinity = hn::Set(d, std::numeric_limits<hn::TFromD<D>>::infinity());
  return !hn::AllFalse(d, hn::Eq(hn::Abs(m), infinity));
}

// y = m + sum_i e_i (a_i - m) / sum_i e_i with e_i = e^(a_i - m), where m is the window's largest
// value. No e_i overflows and one of them is 1. An offset common to the window costs no precision,
// because only the distances a_i - m are multiplied.
template <class C>
struct SoftPoolMath : PoolMath {
  static constexpr int kWindowOutputs = 1;

  explicit SoftPoolMath(const Call&) {}

  // Whether a window is pooled without an exponential for its largest value. Windows of more than 4
  // taps gain little. They may also run as windows whose size the compiler does not know, and must
  // give the same bits then.
  template <class W>
  static constexpr bool kFew = W::kTaps > 0 && W::kTaps <= 4;

  template <class W>
  HWY_INLINE void Run(const W& window) const {
    using D = typename W::D;
    if constexpr (kFew<W>) {
      V<D> others[W::kTaps];
      const auto m = LargestAndOthers(window, others);
      window.StoreWindow(AnyInfinite(D(), m) ? PoolFew<true, W>(others, m)
                                             : PoolFew<false, W>(others, m));
    } else {
      const TapValues<W> values(window);
      const auto m = values.Largest();
      if (HWY_UNLIKELY(AnyInfinite(D(), m))) return RunInfinite(window.AnySize(), m);
      Store<false>(window, values, m);
    }
  }

  // Returns the largest value, which has the weight e^0, and leaves the rest in others[1] and on.
  // If several values are the largest, one is returned and the others are part of the rest.
  template <class W>
  HWY_INLINE V<typename W::D> LargestAndOthers(const W& window, V<typename W::D>* others) const {
    using D = typename W::D;
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR { others[i] = window.Load(tap); });
    V<D> m = others[0];
    window.ForEach([&](int64_t i, const Tap&) HWY_ATTR {
      if (i == 0) return;
      const V<D> a = others[i];
      others[i] = Smaller(D(), a, m);
      m = Larger(D(), a, m);
    });
    return m;
  }

  template <bool kInfinite, class W>
  HWY_INLINE V<typename W::D> PoolFew(const V<typename W::D>* others, V<typename W::D> m) const {
    using D = typename W::D;
    V<D> weights = hn::Set(D(), ExpConstants<hn::TFromD<D>>::kExpOfZero);
    V<D> products = hn::Zero(D());
    Repeat<W::kTaps - 1>([&](auto i) SOFTPOOL_INLINE_ATTR {
      V<D> distance = Distance<kInfinite>(D(), others[i.value + 1], m);
      const V<D> e = ScaledExp(D(), &distance);
      weights = hn::Add(weights, e);
      products = MulAdd(D(), e, distance, products);
    });
    return hn::Add(m, hn::Div(products, weights));
  }

  template <class W>
  HWY_NOINLINE void RunInfinite(const W& window, V<typename W::D> m) const {
    Store<true>(window, TapValues<W>(window), m);
  }

  template <bool kInfinite, class W>
  HWY_INLINE void Store(const W& window, const TapValues<W>& values, V<typename W::D> m) const {
    using D = typename W::D;
    TapSum<D, W::kTaps == 0> weights, products;
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      V<D> distance = Distance<kInfinite>(D(), values.At(i, tap), m);
      const V<D> e = ScaledExp(D(), &distance);
      weights.Add(i, e);
      products.AddProduct(i, e, distance);
    });
    window.StoreWindow(hn::Add(m, hn::Div(products.Total(), weights.Total())));
  }
};

// With g = dL/dy, dL/da_i = g w_i (1 + a_i - y). With gradient "weights" it is g w_i instead, which
// the paper's own code sends back (figure 4 of the paper).
template <class C>
struct SoftPoolGradMath : PoolMath {
  static constexpr int kWindowInputs = 1, kTapOutputs = 1;
  static constexpr int kCyclesPerTap = 2;

  bool exact;

  explicit SoftPoolGradMath(const Call& call)
      : exact(call.attributes->String("gradient") == "exact") {}

  template <class W>
  HWY_INLINE void Run(const W& window) const {
    const TapValues<W> values(window);
    const auto m = values.Largest();
    if (HWY_UNLIKELY(AnyInfinite(typename W::D(), m))) return RunInfinite(window.AnySize(), m);
    Send<false>(window, values, m);
  }

  template <class W>
  HWY_NOINLINE void RunInfinite(const W& window, V<typename W::D> m) const {
    Send<true>(window, TapValues<W>(window), m);
  }

  template <bool kInfinite, class W>
  HWY_INLINE void Send(const W& window, const TapValues<W>& values, V<typename W::D> m) const {
    using D = typename W::D;
    // If the compiler knows the number of taps, distances and exponentials are kept. Otherwise they
    // are computed again.
    V<D> e[W::kTaps > 0 ? W::kTaps : 1], distance[W::kTaps > 0 ? W::kTaps : 1];
    TapSum<D, W::kTaps == 0> weights, products;
    const auto weigh = [&](int64_t at, int64_t i, const Tap& tap) HWY_ATTR {
      distance[at] = Distance<kInfinite>(D(), values.At(i, tap), m);
      e[at] = ScaledExp(D(), &distance[at]);
    };
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const int64_t at = W::kTaps > 0 ? i : 0;
      weigh(at, i, tap);
      weights.Add(i, e[at]);
      products.AddProduct(i, e[at], distance[at]);
    });
    const V<D> one = hn::Set(D(), hn::TFromD<D>{1});
    const V<D> inverse = hn::Div(one, weights.Total());
    // 1 + m - y. Adding a tap's distance a_i - m gives 1 + a_i - y.
    const V<D> rest = hn::Sub(one, hn::Mul(products.Total(), inverse));
    const V<D> g = window.LoadWindow();
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const int64_t at = W::kTaps > 0 ? i : 0;
      if (W::kTaps == 0) weigh(at, i, tap);
      // The factor `inverse` comes last because the weight may be subnormal, unlike e.
      V<D> derivative = e[at];
      if (exact) {
        derivative = hn::Mul(derivative, hn::Add(rest, distance[at]));
      }
      derivative = hn::Mul(derivative, inverse);
      window.Emit(tap, hn::Mul(g, derivative));
    });
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
