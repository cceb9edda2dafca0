// Gated pooling: y = mix max_i a_i + (1 - mix) mean_i a_i with mix = sigmoid(sum_i omega_i a_i +
// bias). Each channel has an omega for each place of a window, and a bias. Source: C.-Y. Lee, P. W.
// Gallagher, Z. Tu, "Generalizing pooling functions in convolutional neural networks: mixed, gated,
// and tree".
#if defined(SOFTPOOL_POOLINGS_GATED_GATED_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_GATED_GATED_POOL_INL_H_
#undef SOFTPOOL_POOLINGS_GATED_GATED_POOL_INL_H_
#else
#define SOFTPOOL_POOLINGS_GATED_GATED_POOL_INL_H_
#endif

#include "softpool/poolings/shared/numbers-inl.h"
#include "softpool/poolings/shared/small_factors-inl.h"
#include "softpool/simd/exp_pow-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// A window's gate, mix = sigmoid(z), the rest 1 - mix, and the derivative mix (1 - mix).
template <class W>
struct Gate {
  using D = typename W::D;
  using C = hn::TFromD<D>;

  V<D> mix, rest, slope;

  HWY_INLINE explicit Gate(V<D> z) {
    const V<D> zero = hn::Zero(D()), one = hn::Set(D(), C{1});
    // One step below the smallest normal number, the exponential is zero, and the gate closed or
    // open: the rest of it times a huge value would count.
    using P = PowerConstants<C>;
    const V<D> least = hn::Set(D(), (P::kLowest - 1) * P::kLn2);
    const V<D> exponent = Larger(D(), least, hn::Neg(hn::Abs(z)));
    const V<D> e = ShiftedExp(D(), exponent, hn::Set(D(), P::kShift));
    const V<D> inverse = hn::Div(one, hn::Add(one, e));
    const V<D> small = hn::Mul(e, inverse);
    const auto negative = hn::Lt(z, zero);
    mix = hn::IfThenElse(negative, small, inverse);
    rest = hn::IfThenElse(negative, inverse, small);
    slope = hn::Mul(small, inverse);
  }
};

template <class C>
struct GatedTables {
  const C* omega;  // [places, channels]
  const C* bias;
  int64_t channels;

  explicit GatedTables(const Call& call)
      : omega(static_cast<const C*>(call.Input("omega").data)),
        bias(static_cast<const C*>(call.Input("bias").data)),
        channels(call.geometry.Channels()) {}

  template <class W>
  HWY_INLINE V<typename W::D> Omega(const W& window, const Tap& tap) const {
    return window.LoadChannel(omega + tap.place * channels);
  }

  // Returns z. With rare numbers, it is finite or an infinity of its sign for all finite values.
  template <class W, class Numbers>
  HWY_INLINE V<typename W::D> Z(const W& window, const Numbers& numbers) const {
    using D = typename W::D;
    TapSum<D, W::kTaps == 0> sum, small_sum;
    const SmallFactors<D> small;
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const V<D> weight = Omega(window, tap), a = numbers.At(i, tap);
      sum.AddProduct(i, weight, a);
      if constexpr (Numbers::kIsRare) small_sum.AddProduct(i, small.Of(weight), small.Of(a));
    });
    const V<D> shift = window.LoadChannel(bias), z = hn::Add(sum.Total(), shift);
    if constexpr (!Numbers::kIsRare) return z;
    const V<D> large = hn::Add(small.Product(small_sum.Total()), shift);
    return hn::IfThenElse(hn::IsFinite(z), z, large);
  }
};

// Returns whether a gate needs the code for rare numbers, and has not got it.
template <class Numbers, class D>
HWY_INLINE bool IsTooLarge(D, V<D> z) {
  if constexpr (Numbers::kIsRare) return false;
  return !hn::AllTrue(D(), hn::IsFinite(z));
}

template <class C>
struct GatedPoolMath : PoolMath {
  static constexpr int kWindowOutputs = 1;
  static constexpr bool kFewSizes = true;
  static constexpr bool kUsesChannels = true;

  GatedTables<C> tables;

  explicit GatedPoolMath(const Call& call) : tables(call) {}

  template <class W>
  HWY_INLINE void Run(const W& window) const {
    RunNumbers(*this, window);
  }

  template <class W, class Numbers>
  HWY_INLINE void Pool(const W& window, const Numbers& numbers) const {
    using D = typename W::D;
    const V<D> z = tables.Z(window, numbers);
    if (HWY_UNLIKELY(IsTooLarge<Numbers>(D(), z))) return RunRare(*this, window.AnySize());
    const Gate<W> gate(z);
    const V<D> of_mean = hn::Mul(gate.rest, numbers.Mean());
    window.StoreWindow(numbers.Result(MulAdd(D(), gate.mix, numbers.Largest(), of_mean)));
  }
};

// With g = dL/dy, dL/dz = g (max - mean) mix (1 - mix). Omega and the bias have the gradients of z.
// A tap has omega dL/dz besides its part of max and of mean, as in mixed pooling.
template <class C, class Summing>
struct GatedPoolGradMath : Summing {
  static constexpr int kWindowInputs = 1, kTapOutputs = 1;
  static constexpr int kCyclesPerTap = 2;
  static constexpr bool kFewSizes = true;
  static constexpr bool kUsesChannels = true;

  GatedTables<C> tables;
  int64_t places;

  GatedPoolGradMath(const Call& call, const Summing& summing)
      : Summing(summing), tables(call), places(call.Input("omega").dims[0]) {}

  template <class W>
  HWY_INLINE void Run(const W& window) {
    RunNumbers(*this, window);
  }

  template <class W, class Numbers>
  HWY_INLINE void Pool(const W& window, const Numbers& numbers) {
    using D = typename W::D;
    const V<D> z = tables.Z(window, numbers);
    if (HWY_UNLIKELY(IsTooLarge<Numbers>(D(), z))) return RunRare(*this, window.AnySize());
    const Gate<W> gate(z);
    const V<D> g = window.LoadWindow(), largest = numbers.Largest();
    const V<D> to_largest = hn::Div(hn::Mul(g, gate.mix), numbers.CountOf(largest));
    const V<D> to_mean = hn::Div(hn::Mul(g, gate.rest), numbers.Count());
    const V<D> to_z = numbers.OfWindow(hn::Mul(g, numbers.TimesDistance(gate.slope, largest)));
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const V<D> a = numbers.At(i, tap);
      V<D> to_tap = MulAdd(D(), to_z, tables.Omega(window, tap), to_mean);
      to_tap = hn::Add(to_tap, hn::IfThenElseZero(hn::Eq(a, largest), to_largest));
      window.Emit(tap, numbers.OfTap(i, tap, to_tap));
      window.AddChannel(hn::Mul(to_z, a), Summing::sums.Row(tap.place));
    });
    window.AddChannel(to_z, Summing::sums.Row(places));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
