// Mixed pooling: y = mix max_i a_i + (1 - mix) mean_i a_i. Each channel has a mix. Source: C.-Y.
// Lee, P. W. Gallagher, Z. Tu, "Generalizing pooling functions in convolutional neural networks:
// mixed, gated, and tree".
#if defined(SOFTPOOL_POOLINGS_MIXED_MIXED_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_MIXED_MIXED_POOL_INL_H_
#undef SOFTPOOL_POOLINGS_MIXED_MIXED_POOL_INL_H_
#else
#define SOFTPOOL_POOLINGS_MIXED_MIXED_POOL_INL_H_
#endif

#include "softpool/poolings/shared/numbers-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
struct MixedPoolMath : PoolMath {
  static constexpr int kWindowOutputs = 1;
  static constexpr bool kFewSizes = true;
  static constexpr bool kUsesChannels = true;

  const C* mix;

  explicit MixedPoolMath(const Call& call) : mix(static_cast<const C*>(call.Input("mix").data)) {}

  template <class W>
  HWY_INLINE void Run(const W& window) const {
    RunNumbers(*this, window);
  }

  template <class W, class Numbers>
  HWY_INLINE void Pool(const W& window, const Numbers& numbers) const {
    using D = typename W::D;
    const V<D> share = window.LoadChannel(mix);
    // A mix of one gives the maximum exactly, and a mix of zero gives the mean exactly.
    const V<D> of_mean = hn::Mul(hn::Sub(hn::Set(D(), C{1}), share), numbers.Mean());
    window.StoreWindow(numbers.Result(MulAdd(D(), share, numbers.Largest(), of_mean)));
  }
};

// With g = dL/dy, dL/dmean = g (1 - mix), and dL/dmax = g mix, which the largest values share.
// dL/dmix is the sum of g (max - mean) over all windows.
template <class C, class Summing>
struct MixedPoolGradMath : Summing {
  static constexpr int kWindowInputs = 1, kTapOutputs = 1;
  static constexpr bool kFewSizes = true;
  static constexpr bool kUsesChannels = true;

  const C* mix;

  MixedPoolGradMath(const Call& call, const Summing& summing)
      : Summing(summing), mix(static_cast<const C*>(call.Input("mix").data)) {}

  template <class W>
  HWY_INLINE void Run(const W& window) {
    RunNumbers(*this, window);
  }

  template <class W, class Numbers>
  HWY_INLINE void Pool(const W& window, const Numbers& numbers) {
    using D = typename W::D;
    const V<D> g = window.LoadWindow(), share = window.LoadChannel(mix);
    const V<D> largest = numbers.Largest();
    const V<D> to_largest = hn::Div(hn::Mul(g, share), numbers.CountOf(largest));
    const V<D> to_mean = hn::Div(hn::Mul(g, hn::Sub(hn::Set(D(), C{1}), share)), numbers.Count());
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const auto is_largest = hn::Eq(numbers.At(i, tap), largest);
      const V<D> to_tap = hn::Add(to_mean, hn::IfThenElseZero(is_largest, to_largest));
      window.Emit(tap, numbers.OfTap(i, tap, to_tap));
    });
    window.AddChannel(numbers.OfWindow(numbers.TimesDistance(g, largest)), Summing::sums.Row(0));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
