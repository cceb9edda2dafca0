// The exponential from which softmax weights are computed, and powers of positive numbers whose
// exponents differ from lane to lane.
#if defined(SOFTPOOL_SIMD_EXP_POW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_SIMD_EXP_POW_INL_H_
#undef SOFTPOOL_SIMD_EXP_POW_INL_H_
#else
#define SOFTPOOL_SIMD_EXP_POW_INL_H_
#endif

#include <utility>

#include "softpool/simd/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// e^x = 2^n e^r with n = round(x / ln 2) and |r| <= ln(2) / 2. ScaledExp() scales e^x by 2^kScale.
// kScale is 32 for float and 64 for double.
//
// kCoefficients is the minimax polynomial of e^r in relative error, highest power first, divided by
// its constant term. A common factor of all weights cancels, and this one makes e^0 exactly one.
// kShift is kBias + 1.5 2^kMantissaBits: adding it to x / ln 2 rounds this to n, and leaves the
// exponent field of 2^(n + kScale) in the lowest bits of the sum. At x = kLowest that field is
// zero, and therefore 2^(n + kScale) is zero too. kExpOfZero is 2^kScale.
template <class T>
struct ExpConstants;

template <>
struct ExpConstants<float> {
  static constexpr float kBias = 127.0f + 32.0f;
  static constexpr float kLowest = -110.2f;
  static constexpr float kLog2E = 1.44269504f;
  static constexpr float kLn2High = 0x1.62e4p-1f;
  static constexpr float kLn2Low = 0x1.7f7cp-20f;
  static constexpr float kShift = 12582912.0f + kBias;
  static constexpr int kMantissaBits = 23;
  static constexpr float kExpOfZero = 0x1p32f;
  static constexpr float kCoefficients[] = {8.2976472843175367e-3f, 4.1915428423936243e-2f,
                                            1.6667573897273598e-1f, 4.9998890828803223e-1f,
                                            9.9999962011026304e-1f, 1.0f};
};

template <>
struct ExpConstants<double> {
  static constexpr double kBias = 1023.0 + 64.0;
  static constexpr double kLowest = -753.45;
  static constexpr double kLog2E = 1.44269504088896340736;
  static constexpr double kLn2High = 0x1.62e42fefa4p-1;
  static constexpr double kLn2Low = -0x1.8432a1b0e2p-43;
  static constexpr double kShift = 6755399441055744.0 + kBias;
  static constexpr int kMantissaBits = 52;
  static constexpr double kExpOfZero = 0x1p64;
  static constexpr double kCoefficients[] = {
      2.4994292310179794e-8, 2.7632308232444556e-7, 2.7557622655147987e-6, 2.4801486481262875e-5,
      1.9841269432431110e-4, 1.3888888951261222e-3, 8.3333333335594533e-3, 4.1666666666492629e-2,
      1.6666666666666168e-1, 5.0000000000000177e-1, 1.0000000000000000e+0, 1.0};
};

// A table's entry as a constant of its own, because devices do not see tables of the host.
template <const auto& kCoefficients, size_t kIndex>
inline constexpr auto kCoefficient = kCoefficients[kIndex];

// Returns the polynomial with these coefficients, highest power first. It is unrolled here, because
// compilers keep a loop over many coefficients, and each step of a loop waits for the one before.
template <const auto& kCoefficients, class D, size_t... kIndex>
HWY_INLINE V<D> Polynomial(D d, V<D> x, std::index_sequence<kIndex...>) {
  auto p = hn::Set(d, kCoefficient<kCoefficients, 0>);
  ((p = MulAdd(d, p, x, hn::Set(d, kCoefficient<kCoefficients, kIndex + 1>))), ...);
  return p;
}
template <const auto& kCoefficients, class D>
HWY_INLINE V<D> Polynomial(D d, V<D> x) {
  constexpr size_t kCount = sizeof(kCoefficients) / sizeof(kCoefficients[0]);
  return Polynomial<kCoefficients>(d, x, std::make_index_sequence<kCount - 1>());
}

// Returns 2^k e^x. `shift` is kShift with the wanted k in the place of kScale. x must be so large
// that 2^(n + k) is not smaller than the smallest normal number, or else just so small that it is
// zero.
template <class D>
HWY_INLINE V<D> ShiftedExp(D d, V<D> x, V<D> shift) {
  using C = ExpConstants<hn::TFromD<D>>;
  const hn::RebindToUnsigned<D> du;
  // Rounds to the nearest integer. Of two equally near ones it may take either, but the same one on
  // every target.
  const auto shifted = hn::Add(hn::Mul(x, hn::Set(d, C::kLog2E)), shift);
  const auto n = hn::Sub(shifted, shift);
  auto r = SubExactProduct(d, n, hn::Set(d, C::kLn2High), x);
  r = SubExactProduct(d, n, hn::Set(d, C::kLn2Low), r);
  const auto p = Polynomial<C::kCoefficients>(d, r);
  const auto power = hn::BitCast(d, hn::ShiftLeft<C::kMantissaBits>(hn::BitCast(du, shifted)));
  return hn::Mul(p, power);
}

// Returns 2^kScale e^x for x <= 0, and exactly zero for x <= kLowest. NaN gives NaN. Only ratios of
// weights matter, and the factor 2^kScale keeps the smallest weights that float or double can tell
// from zero out of the subnormal range. Replaces `*x` with max(x, kLowest), so that the product of
// the result and `*x` is never 0 times infinity.
template <class D>
HWY_INLINE V<D> ScaledExp(D d, V<D>* x) {
  using C = ExpConstants<hn::TFromD<D>>;
  *x = Larger(d, hn::Set(d, C::kLowest), *x);
  return ShiftedExp(d, *x, hn::Set(d, C::kShift));
}

// kLog2 is the minimax polynomial in relative error of log2(1 + f) / f for 1 + f from sqrt(1/2) to
// sqrt(2), highest power first. kRootOfHalf has the bits of sqrt(1/2). kExp2 is the minimax
// polynomial of 2^r for |r| <= 1/2, divided by its constant term like kCoefficients in
// ExpConstants. kShift is that of ExpConstants without the scale, because powers are not scaled.
template <class T>
struct PowerConstants;

template <>
struct PowerConstants<float> {
  static constexpr int32_t kRootOfHalf = 0x3F3504F3;
  static constexpr float kLn2 = 0.693147181f;
  static constexpr float kLowest = -126.0f;
  static constexpr float kShift = 12582912.0f + 127.0f;
  static constexpr float kLog2[] = {
      -0.14580957490734051f, 0.23404082034167014f, -0.24887694928282173f, 0.28709891958880204f,
      -0.36023965251507092f, 0.48092323504877359f, -0.72135278774357662f, 1.4426949620193449f};
  static constexpr float kExp2[] = {0.0013276459505280232f, 0.0096755520523915013f,
                                    0.055507129966393051f,  0.24022117791265629f,
                                    0.69314691724044519f,   1.0f};
};

template <>
struct PowerConstants<double> {
  static constexpr int64_t kRootOfHalf = 0x3FE6A09E667F3BCD;
  static constexpr double kLn2 = 0.693147180559945309;
  static constexpr double kLowest = -1022.0;
  static constexpr double kShift = 6755399441055744.0 + 1023.0;
  static constexpr double kLog2[] = {
      -0.0408143010917267659, 0.0913697818709951058, -0.0980709311708345427, 0.0861899805260460991,
      -0.0871027989758786802, 0.0955159257989978719, -0.103307873131055986,  0.11105714343674845,
      -0.120212818185549404,  0.13114915089471694,   -0.144269784429417725,  0.160299618669621952,
      -0.180336877363301664,  0.206099288340411587,  -0.240449173476251801,  0.288539008208200038,
      -0.360673760222449885,  0.480898346962876762,  -0.72134752044448115,   1.44269504088896347};
  static constexpr double kExp2[] = {
      4.4352787132200273e-10, 7.0741094543388257e-09, 1.0178198079228824e-07,
      1.3215433068192991e-06, 1.525273348977006e-05,  0.00015403530462555906,
      0.0013333558146790242,  0.0096181291075883042,  0.055504108664819925,
      0.24022650695910155,    0.69314718055994529,    1.0};
};

// log2(t) of a positive, normal number t, as the sum of a whole number and a small rest. Each of
// the two has its own digits, so that the product with a large power keeps the digits of the rest.
template <class D>
struct Log2 {
  V<D> whole, rest;

  Log2() = default;
  HWY_INLINE Log2(V<D> whole, V<D> rest) : whole(whole), rest(rest) {}
  HWY_INLINE Log2(D d, V<D> t) {
    using T = hn::TFromD<D>;
    using C = PowerConstants<T>;
    constexpr int kMantissaBits = ExpConstants<T>::kMantissaBits;
    const hn::RebindToSigned<D> di;
    const auto bits = hn::BitCast(di, t);
    const auto exponent = hn::ShiftRight<kMantissaBits>(hn::Sub(bits, hn::Set(di, C::kRootOfHalf)));
    const auto mantissa = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<kMantissaBits>(exponent)));
    const auto f = hn::Sub(mantissa, hn::Set(d, T{1}));
    whole = hn::ConvertTo(d, exponent);
    rest = hn::Mul(Polynomial<C::kLog2>(d, f), f);
  }

  HWY_INLINE V<D> Sum() const { return hn::Add(whole, rest); }
};

// Returns t^power, given log2(t). A subnormal result becomes zero, or arbitrary if
// kNothingSubnormal promises that there is none. Results beyond the type's largest number are
// arbitrary.
template <bool kNothingSubnormal = false, class D>
HWY_INLINE V<D> Power(D d, const Log2<D>& log2, V<D> power) {
  using T = hn::TFromD<D>;
  using C = PowerConstants<T>;
  const hn::RebindToUnsigned<D> du;
  const auto rest = hn::Mul(power, log2.rest);
  const auto exponent = MulAdd(d, power, log2.whole, rest);
  const auto shifted = hn::Add(exponent, hn::Set(d, C::kShift));
  const auto minus_n = hn::Sub(hn::Set(d, C::kShift), shifted);
  const auto r = hn::Add(MulAdd(d, power, log2.whole, minus_n), rest);
  const auto p = Polynomial<C::kExp2>(d, r);
  const auto scale =
      hn::BitCast(d, hn::ShiftLeft<ExpConstants<T>::kMantissaBits>(hn::BitCast(du, shifted)));
  const auto result = hn::Mul(p, scale);
  if (kNothingSubnormal) return result;
  return hn::IfThenElseZero(hn::Ge(exponent, hn::Set(d, C::kLowest)), result);
}

// Returns e^x for x <= 0, but not less than about the smallest normal number. NaN gives NaN.
template <class D>
HWY_INLINE V<D> SmallExp(D d, V<D> x) {
  using T = hn::TFromD<D>;
  using C = PowerConstants<T>;
  x = Larger(d, hn::Set(d, C::kLowest * C::kLn2), x);
  return ShiftedExp(d, x, hn::Set(d, C::kShift));
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
