// Learned-norm pooling: y = (mean_i |a_i|^p)^(1/p). Each channel has a p. Source: C. Gulcehre, K.
// Cho, R. Pascanu, Y. Bengio, "Learned-norm pooling for deep feedforward and recurrent neural
// networks".
#if defined(SOFTPOOL_POOLINGS_LP_LP_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_LP_LP_POOL_INL_H_
#undef SOFTPOOL_POOLINGS_LP_LP_POOL_INL_H_
#else
#define SOFTPOOL_POOLINGS_LP_LP_POOL_INL_H_
#endif

#include "softpool/poolings/shared/norm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
struct LpPoolMath : PoolMath {
  static constexpr int kWindowOutputs = 1;
  static constexpr int kCyclesPerTap = 2;
  static constexpr bool kFewSizes = true;
  static constexpr bool kUsesChannels = true;

  const C* p;

  explicit LpPoolMath(const Call& call) : p(static_cast<const C*>(call.Input("p").data)) {}

  template <class W>
  HWY_INLINE void Run(const W& window) const {
    RunNorm(ForOwnCode(window));
  }
  template <class W>
  HWY_NOINLINE void RunNorm(const W& window) const {
    RunNumbers(*this, window);
  }

  template <class W, class Numbers>
  HWY_INLINE void Pool(const W& window, const Numbers& numbers) const {
    AnyNorm<W, Numbers, /*kMean=*/true> norm;
    norm.Compute(window, numbers, window.LoadChannel(p));
    window.StoreWindow(numbers.Result(norm.Norm()));
  }
};

// dL/dp is the sum of g dy/dp over all windows.
template <class C, class Summing>
struct LpPoolGradMath : Summing {
  static constexpr int kWindowInputs = 1, kTapOutputs = 1;
  static constexpr int kCyclesPerTap = 4;
  static constexpr bool kFewSizes = true;
  static constexpr bool kUsesChannels = true;

  const C* p;

  LpPoolGradMath(const Call& call, const Summing& summing)
      : Summing(summing), p(static_cast<const C*>(call.Input("p").data)) {}

  // All sizes of windows share one piece of code, which would take long to compile for each size.
  template <class W>
  HWY_INLINE void Run(const W& window) {
    RunAnySize(window.AnySize());
  }
  template <class W>
  HWY_NOINLINE void RunAnySize(const W& window) {
    RunNumbers(*this, window);
  }

  template <class W, class Numbers>
  HWY_INLINE void Pool(const W& window, const Numbers& numbers) {
    using D = typename W::D;
    AnyNorm<W, Numbers, /*kMean=*/true> norm;
    norm.template Compute</*kToP=*/true>(window, numbers, window.LoadChannel(p));
    const V<D> g = window.LoadWindow(), factor = hn::Mul(g, norm.Factor());
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const V<D> slope = norm.SlopeOf(numbers.At(i, tap));
      window.Emit(tap, numbers.OfTap(i, tap, hn::Mul(factor, slope)));
    });
    window.AddChannel(numbers.OfWindow(hn::Mul(g, norm.ToP())), Summing::sums.Row(0));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
