// SoftPool: the average of a window, weighed by the softmax of its own values.
//
//   y = sum_i w_i a_i,   w_i = e^(a_i) / sum_j e^(a_j)
//
// A. Stergiou, R. Poppe, G. Kalliatakis, "Refining activation downsampling with SoftPool",
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

// a - m. Where m may be infinite, values equal to it are zero away from it rather than NaN: what
// follows then gives the limit.
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

// y = m + sum_i e_i (a_i - m) / sum_i e_i with e_i = e^(a_i - m), m the window's largest value:
// no e_i overflows, one of them is 1, and the distances keep the precision that an offset common to
// the window would take.
template <class C>
struct SoftPoolMath : PoolMath {
  static constexpr int kWindowOutputs = 1;

  explicit SoftPoolMath(const Call&) {}

  // Whether a window of known size is pooled without an exponential for its largest value. Larger
  // ones gain little, and sizes that are not known to the compiler are to give the same bits.
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

  // The largest value, the rest being left in others[1] and on: one of several that are equal, the
  // one which is not among them, has the weight e^0.
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
    for (int i = 1; i < W::kTaps; ++i) {
      V<D> distance = Distance<kInfinite>(D(), others[i], m);
      const V<D> e = ScaledExp(D(), &distance);
      weights = hn::Add(weights, e);
      products = MulAdd(D(), e, distance, products);
    }
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

// dL/da_i = g w_i (1 + a_i - y), or with gradient "weights" g w_i, which the paper's own code sends
// back (its figure 4).
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
    // Known few taps keep their weights; otherwise they are computed again.
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
    // 1 + a_i - y, less the part that differs from tap to tap.
    const V<D> rest = hn::Sub(one, hn::Mul(products.Total(), inverse));
    const V<D> g = window.LoadWindow();
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const int64_t at = W::kTaps > 0 ? i : 0;
      if (W::kTaps == 0) weigh(at, i, tap);
      // The scaled weight comes last to its true size, which may be subnormal.
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
