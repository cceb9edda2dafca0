// The exponential that softmax weights are made of, and sums that stay exact over long windows.
#if defined(TF_SOFTPOOL_KERNELS_EXPONENTIAL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_EXPONENTIAL_INL_H_
#undef TF_SOFTPOOL_KERNELS_EXPONENTIAL_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_EXPONENTIAL_INL_H_
#endif

#include <utility>

#include "kernels/arithmetic-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// e^x = 2^n e^r with n = round(x / ln 2) and |r| <= ln(2) / 2. kCoefficients are those of the
// minimax polynomial of e^r in relative error, highest power first, divided by its constant term: a
// common factor of all weights cancels, and this one makes e^0 exactly one. kBias puts the exponent
// field of 2^(n + kScale) in the lowest bits of n + kBias + 1.5 2^kMantissaBits, an addition that
// also rounds n. kLowest is where that field is zero, and so 2^(n + kScale).
// kExpOfZero is 2^kScale.
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

// A table's entry as a constant of its own: devices see no tables of the host.
template <const auto& kCoefficients, size_t kIndex>
inline constexpr auto kCoefficient = kCoefficients[kIndex];

// The polynomial with these coefficients, highest power first. Compilers leave a loop over many of
// them a loop, in which each step waits for the one before.
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

// 2^kScale e^x for x <= 0: ratios are what matters, and the factor keeps the smallest weights that
// float or double can tell from zero out of the subnormal range. x of kLowest and below gives
// exactly zero. `*x` is replaced by max(x, kLowest), so that the product of the two is never 0
// times infinity. NaN gives NaN.
template <class D>
HWY_INLINE V<D> ScaledExp(D d, V<D>* x) {
  using C = ExpConstants<hn::TFromD<D>>;
  const hn::RebindToUnsigned<D> du;
  *x = Larger(d, hn::Set(d, C::kLowest), *x);
  // The nearest integer, or where two are equally near either of them, but the same on every
  // target.
  const auto shifted = hn::Add(hn::Mul(*x, hn::Set(d, C::kLog2E)), hn::Set(d, C::kShift));
  const auto n = hn::Sub(shifted, hn::Set(d, C::kShift));
  auto r = SubExactProduct(d, n, hn::Set(d, C::kLn2High), *x);
  r = SubExactProduct(d, n, hn::Set(d, C::kLn2Low), r);
  const auto p = Polynomial<C::kCoefficients>(d, r);
  const auto power = hn::BitCast(d, hn::ShiftLeft<C::kMantissaBits>(hn::BitCast(du, shifted)));
  return hn::Mul(p, power);
}

// A sum of as many terms as there are, added in the order given. A long one is kept exact: the sums
// of runs of up to kRun terms are added with their rounding errors carried along. One that is known
// to fit a run is the same sum without that work.
template <class D, bool kLong>
class TapSum {
 public:
  static constexpr int64_t kRun = 64;

  HWY_INLINE TapSum() : run_(hn::Zero(D())), total_(hn::Zero(D())), error_(hn::Zero(D())) {}

  // `index` counts the terms added before this one.
  HWY_INLINE void Add(int64_t index, V<D> term) {
    FoldFullRun(index);
    run_ = hn::Add(run_, term);
  }

  HWY_INLINE void AddProduct(int64_t index, V<D> a, V<D> b) {
    FoldFullRun(index);
    run_ = MulAdd(D(), a, b, run_);
  }

  HWY_INLINE V<D> Total() {
    if constexpr (!kLong) return run_;
    Fold();
    return hn::Add(total_, error_);
  }

 private:
  HWY_INLINE void FoldFullRun(int64_t index) {
    if (kLong && index > 0 && index % kRun == 0) Fold();
  }

  HWY_INLINE void Fold() {
    const auto sum = hn::Add(total_, run_);
    const auto part = hn::Sub(sum, total_);
    const auto lost = hn::Add(hn::Sub(total_, hn::Sub(sum, part)), hn::Sub(run_, part));
    total_ = sum;
    error_ = hn::Add(error_, lost);
    run_ = hn::Zero(D());
  }

  V<D> run_, total_, error_;
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
