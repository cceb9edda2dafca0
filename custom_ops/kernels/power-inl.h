// Powers of positive numbers, for exponents that differ from lane to lane.
#if defined(TF_SOFTPOOL_KERNELS_POWER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_POWER_INL_H_
#undef TF_SOFTPOOL_KERNELS_POWER_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_POWER_INL_H_
#endif

#include "kernels/exponential-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// kLog2 is the minimax polynomial in relative error of log2(1 + f) / f for 1 + f from the root of
// 1/2 to the root of 2, highest power first, and kRootOfHalf the bits of the former. kExp2 is that
// of 2^r for |r| <= 1/2, as in ExpConstants, and kShift too, for powers that are not scaled.
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

// log2(t) of a positive, normal number, as the sum of a whole number and a small one: each has its
// own digits, so that a large power keeps those of the small one.
template <class D>
struct Log2 {
  V<D> whole, rest;

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

// t^power, given log2(t). What would be subnormal is zero, or arbitrary where it is known that
// nothing is. Results beyond the type's largest number are arbitrary.
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

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
