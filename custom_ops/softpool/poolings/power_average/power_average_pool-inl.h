// Power-average pooling: y = (sum_i |a_i|^p)^(1/p). Each channel has a p, which is not learned.
// Source: J. Bruna Estrach, A. Szlam, Y. LeCun, "Signal recovery from pooling representations".
#if defined(SOFTPOOL_POOLINGS_POWER_AVERAGE_POWER_AVERAGE_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_POWER_AVERAGE_POWER_AVERAGE_POOL_INL_H_
#undef SOFTPOOL_POOLINGS_POWER_AVERAGE_POWER_AVERAGE_POOL_INL_H_
#else
#define SOFTPOOL_POOLINGS_POWER_AVERAGE_POWER_AVERAGE_POOL_INL_H_
#endif

#include <algorithm>
#include <limits>

#include "softpool/poolings/shared/norm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// The exponents with a shorter way to compute them. Infinity takes the largest size.
enum class NormKind { kOne, kTwo, kInfinity, kAny };

template <class C>
SOFTPOOL_HOST_DEVICE NormKind KindOf(C p) {
  if (p == 1) return NormKind::kOne;
  if (p == 2) return NormKind::kTwo;
  return p == std::numeric_limits<C>::infinity() ? NormKind::kInfinity : NormKind::kAny;
}

// The Euclidean norm, of values that are scaled by a power of two so that no square overflows, and
// none that counts is lost.
template <class W, class Numbers>
struct EuclideanNorm {
  using D = typename W::D;
  using C = hn::TFromD<D>;

  V<D> scale, unscale, root;
  M<D> some, huge;

  HWY_INLINE EuclideanNorm(const W& window, const Numbers& numbers) {
    constexpr bool kWide = sizeof(C) == 8;
    constexpr C kHuge = kWide ? C(0x1p400) : C(0x1p40), kTiny = kWide ? C(0x1p-400) : C(0x1p-60);
    constexpr C kDown = kWide ? C(0x1p-600) : C(0x1p-80), kUp = kWide ? C(0x1p700) : C(0x1p100);
    const V<D> one = hn::Set(D(), C{1}), largest = LargestSize(window, numbers);
    some = hn::Gt(largest, hn::Zero(D()));
    huge = hn::Gt(largest, hn::Set(D(), kHuge));
    const auto tiny = hn::Lt(largest, hn::Set(D(), kTiny));
    scale = hn::IfThenElse(huge, hn::Set(D(), kDown), one);
    scale = hn::IfThenElse(tiny, hn::Set(D(), kUp), scale);
    unscale = hn::IfThenElse(huge, hn::Set(D(), 1 / kDown), one);
    unscale = hn::IfThenElse(tiny, hn::Set(D(), 1 / kUp), unscale);
    TapSum<D, W::kTaps == 0> squares;
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const V<D> a = hn::Mul(numbers.At(i, tap), scale);
      squares.AddProduct(i, a, a);
    });
    root = hn::Sqrt(squares.Total());
  }
};

// The exponents of all channels. If these are all equal, `kind` says whether there is a shorter
// way. On a GPU each thread looks at its own channel's exponent.
template <class C>
struct Exponents {
  const C* p;
  NormKind kind = NormKind::kAny;

  explicit Exponents(const Call& call) : p(static_cast<const C*>(call.Input("p").data)) {
#if !defined(SOFTPOOL_ONE_LANE)
    const int64_t channels = call.geometry.Channels();
    if (std::all_of(p, p + channels, [this](C other) { return other == p[0]; })) {
      kind = KindOf(p[0]);
    }
#endif
  }

  template <class W>
  HWY_INLINE NormKind Of([[maybe_unused]] const W& window) const {
#if defined(SOFTPOOL_ONE_LANE)
    return KindOf(window.LoadChannel(p));
#else
    return kind;
#endif
  }
};

// Mathematics for RunNumbers() that pools with another function.
template <class Math>
struct AnyPower {
  const Math& math;
  template <class W, class Numbers>
  HWY_INLINE void Pool(const W& window, const Numbers& numbers) const {
    math.PoolAny(window, numbers);
  }
};
template <class Math>
struct OtherPower {
  const Math& math;
  template <class W, class Numbers>
  HWY_INLINE void Pool(const W& window, const Numbers& numbers) const {
    math.PoolOther(window, numbers);
  }
};
template <class Math, class W>
HWY_NOINLINE void RunOtherPower(const Math& math, const W& window) {
  const OtherPower<Math> other{math};
  RunNumbers(other, window);
}
template <class Math, class W>
HWY_NOINLINE void RunAnyPower(const Math& math, const W& window) {
  const AnyPower<Math> any{math};
  RunNumbers(any, window);
}

// Runs the function of the mathematics that belongs to a window's exponent: Pool() for 2, PoolAny()
// for those that need powers, and PoolOther() for 1 and infinity. With kUnrolled, code for powers
// is compiled for each size of windows that has code of its own. That takes long.
template <bool kUnrolled, class Math, class W>
HWY_INLINE void RunPowers(const Math& math, const W& window) {
  switch (math.exponents.Of(window)) {
    case NormKind::kTwo:
      return RunNumbers(math, window);
    case NormKind::kAny:
      if constexpr (kUnrolled) return RunAnyPower(math, ForOwnCode(window));
      return RunAnyPower(math, window.AnySize());
    default:
      return RunOtherPower(math, window.AnySize());
  }
}

template <class C>
struct PowerAveragePoolMath : PoolMath {
  static constexpr int kWindowOutputs = 1;
  static constexpr int kCyclesPerTap = 2;
  static constexpr bool kFewSizes = true;
  static constexpr bool kUsesChannels = true;

  Exponents<C> exponents;

  explicit PowerAveragePoolMath(const Call& call) : exponents(call) {}

  template <class W>
  HWY_INLINE void Run(const W& window) const {
    RunPowers</*kUnrolled=*/true>(*this, window);
  }

  template <class W, class Numbers>
  HWY_INLINE void Pool(const W& window, const Numbers& numbers) const {
    const EuclideanNorm<W, Numbers> norm(window, numbers);
    window.StoreWindow(numbers.Result(hn::Mul(norm.root, norm.unscale)));
  }

  template <class W, class Numbers>
  HWY_INLINE void PoolOther(const W& window, const Numbers& numbers) const {
    using D = typename W::D;
    if (exponents.Of(window) == NormKind::kInfinity) {
      return window.StoreWindow(numbers.Result(LargestSize(window, numbers)));
    }
    TapSum<D, W::kTaps == 0> sum;
    window.ForEach([&](int64_t i, const Tap& tap)
                       HWY_ATTR { sum.Add(i, hn::Abs(numbers.At(i, tap))); });
    // A sum that overflows may have become NaN, because errors are carried along as differences.
    const V<D> infinity = hn::Set(D(), std::numeric_limits<C>::infinity());
    const V<D> total = hn::IfThenElse(hn::IsFinite(sum.Total()), sum.Total(), infinity);
    window.StoreWindow(numbers.Result(total));
  }

  template <class W, class Numbers>
  HWY_INLINE void PoolAny(const W& window, const Numbers& numbers) const {
    AnyNorm<W, Numbers, /*kMean=*/false> norm;
    norm.Compute(window, numbers, window.LoadChannel(exponents.p));
    window.StoreWindow(numbers.Result(norm.Norm()));
  }
};

template <class C>
struct PowerAveragePoolGradMath : PoolMath {
  static constexpr int kWindowInputs = 1, kTapOutputs = 1;
  static constexpr int kCyclesPerTap = 3;
  static constexpr bool kFewSizes = true;
  static constexpr bool kUsesChannels = true;

  Exponents<C> exponents;

  explicit PowerAveragePoolGradMath(const Call& call) : exponents(call) {}

  template <class W>
  HWY_INLINE void Run(const W& window) const {
    RunPowers</*kUnrolled=*/false>(*this, window);
  }

  template <class W, class Numbers>
  HWY_INLINE void Pool(const W& window, const Numbers& numbers) const {
    using D = typename W::D;
    const EuclideanNorm<W, Numbers> norm(window, numbers);
    const V<D> inverse = hn::Div(hn::Set(D(), C{1}), norm.root);
    const V<D> factor = hn::IfThenElseZero(norm.some, inverse);
    // The slope is a times both, in that order in which no product leaves the type's range.
    const V<D> first = hn::IfThenElse(norm.huge, factor, norm.scale);
    const V<D> second = hn::IfThenElse(norm.huge, norm.scale, factor);
    SendSlopes(window, numbers,
               [&](V<D> a) HWY_ATTR { return hn::Mul(hn::Mul(a, first), second); });
  }

  template <class W, class Numbers>
  HWY_INLINE void PoolOther(const W& window, const Numbers& numbers) const {
    using D = typename W::D;
    const V<D> one = hn::Set(D(), C{1});
    if (exponents.Of(window) == NormKind::kInfinity) {
      const V<D> largest = LargestSize(window, numbers);
      const auto is_largest = [&](V<D> a) HWY_ATTR {
        return hn::IfThenElseZero(hn::Eq(hn::Abs(a), largest), one);
      };
      V<D> count = hn::Zero(D());
      window.ForEach([&](int64_t i, const Tap& tap)
                         HWY_ATTR { count = hn::Add(count, is_largest(numbers.At(i, tap))); });
      return SendSlopes(window, numbers, [&](V<D> a) HWY_ATTR {
        return WithSign(D(), hn::Div(is_largest(a), count), a);
      });
    }
    SendSlopes(window, numbers, [&](V<D> a) HWY_ATTR { return WithSign(D(), one, a); });
  }

  template <class W, class Numbers>
  HWY_INLINE void PoolAny(const W& window, const Numbers& numbers) const {
    using D = typename W::D;
    AnyNorm<W, Numbers, /*kMean=*/false> norm;
    norm.Compute(window, numbers, window.LoadChannel(exponents.p));
    const V<D> factor = norm.Factor();
    SendSlopes(window, numbers, [&](V<D> a) HWY_ATTR { return hn::Mul(factor, norm.SlopeOf(a)); });
  }

 private:
  template <class W, class Numbers, class F>
  HWY_INLINE void SendSlopes(const W& window, const Numbers& numbers, const F& slope_of) const {
    const auto g = window.LoadWindow();
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const auto slope = slope_of(numbers.At(i, tap));
      window.Emit(tap, numbers.OfTap(i, tap, hn::Mul(g, slope)));
    });
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
