// The mathematics of SoftPool.
#if defined(TF_SOFTPOOL_KERNELS_SOFT_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_SOFT_POOL_INL_H_
#undef TF_SOFTPOOL_KERNELS_SOFT_POOL_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_SOFT_POOL_INL_H_
#endif

#include "kernels/pool_math.h"
#include "kernels/softmax-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// y = m + sum_i e_i (a_i - m) / sum_i e_i with e_i = e^(a_i - m), m the window's largest value:
// no e_i overflows, one of them is 1, and the distances keep the precision that an offset common to
// the window would take.
struct SoftPoolMath : PoolMath {
  static constexpr int kWindowOutputs = 1;

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
      const auto m = Largest(window, values);
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

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
