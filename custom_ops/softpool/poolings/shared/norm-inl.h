// Norms of windows: (sum_i |a_i|^p)^(1/p), or the same with the mean instead of the sum. Computed
// from the ratios t_i = |a_i| / m to the largest size m, so that no magnitude overflows:
//
//   y = m s^(1/p),   s = sum_i t_i^p, or the mean of t_i^p
//
// The derivatives at zeros are zero.
#if defined(SOFTPOOL_POOLINGS_SHARED_NORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SHARED_NORM_INL_H_
#undef SOFTPOOL_POOLINGS_SHARED_NORM_INL_H_
#else
#define SOFTPOOL_POOLINGS_SHARED_NORM_INL_H_
#endif

#include <limits>

#include "softpool/poolings/shared/numbers-inl.h"
#include "softpool/poolings/shared/own_code-inl.h"
#include "softpool/simd/exp_pow-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// Returns a size with the sign of `a`, and zero where `a` is zero.
template <class D>
HWY_INLINE V<D> WithSign(D d, V<D> size, V<D> a) {
  size = hn::IfThenZeroElse(hn::Eq(a, hn::Zero(d)), size);
  return hn::IfThenElse(hn::Lt(a, hn::Zero(d)), hn::Neg(size), size);
}

template <class W, class Numbers>
HWY_INLINE V<typename W::D> LargestSize(const W& window, const Numbers& numbers) {
  using D = typename W::D;
  V<D> largest = hn::Zero(D());
  window.ForEach([&](int64_t i, const Tap& tap)
                     HWY_ATTR { largest = Larger(D(), hn::Abs(numbers.At(i, tap)), largest); });
  return largest;
}

// The norm for any p of at least 1. Other exponents give NaN.
template <class W, class Numbers, bool kMean>
class AnyNorm {
 public:
  using D = typename W::D;
  using C = hn::TFromD<D>;

  // With kToP, the derivative of p is wanted too.
  template <bool kToP = false>
  HWY_INLINE void Compute(const W& window, const Numbers& numbers, V<D> p) {
    valid_ = hn::Ge(p, hn::Set(D(), C{1}));
    p_ = Smaller(D(), p, hn::Set(D(), kLargestP));
    largest_ = LargestSize(window, numbers);
    log_of_largest_ = LogOf(largest_);
    TapSum<D, W::kTaps == 0> sum, logs;
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const V<D> a = numbers.At(i, tap);
      const Log2<D> ratio = RatioOf(a);
      const V<D> power = OrZero(a, Power(D(), ratio, p_));
      sum.Add(i, power);
      if constexpr (kToP) logs.AddProduct(i, power, OrZero(a, ratio.Sum()));
    });
    // If all values are zero, any positive number will do.
    const auto some = hn::Gt(largest_, hn::Zero(D()));
    total_ = hn::IfThenElse(some, sum.Total(), hn::Set(D(), C{1}));
    if constexpr (kToP) of_ratios_ = hn::Div(logs.Total(), total_);
    share_ = kMean ? hn::Div(hn::Set(D(), C{1}), numbers.Count()) : hn::Set(D(), C{1});
    log_of_mean_ = Log2<D>(D(), kMean ? hn::Div(total_, numbers.Count()) : total_);
    inverse_p_ = hn::Div(hn::Set(D(), C{1}), p_);
  }

  HWY_INLINE V<D> Norm() const {
    return OrNaN(hn::Mul(largest_, Power(D(), log_of_mean_, inverse_p_)));
  }
  // The derivative of a tap is this factor times SlopeOf().
  HWY_INLINE V<D> Factor() const {
    const V<D> power = hn::Sub(inverse_p_, hn::Set(D(), C{1}));
    return hn::Mul(OrNaN(Power(D(), log_of_mean_, power)), share_);
  }
  HWY_INLINE V<D> SlopeOf(V<D> a) const {
    const V<D> power = hn::Sub(p_, hn::Set(D(), C{1}));
    return WithSign(D(), OrZero(a, Power(D(), RatioOf(a), power)), a);
  }
  // The derivative of p.
  HWY_INLINE V<D> ToP() const {
    const V<D> difference = hn::Sub(of_ratios_, hn::Mul(log_of_mean_.Sum(), inverse_p_));
    const V<D> ln2 = hn::Set(D(), PowerConstants<C>::kLn2);
    return hn::Mul(hn::Mul(Norm(), inverse_p_), hn::Mul(difference, ln2));
  }

 private:
  // As large as infinity, and no product with a logarithm overflows.
  static constexpr C kLargestP = C{1e30};

  HWY_INLINE V<D> OrNaN(V<D> v) const {
    return hn::IfThenElse(valid_, v, hn::Set(D(), std::numeric_limits<C>::quiet_NaN()));
  }
  static HWY_INLINE V<D> OrZero(V<D> a, V<D> v) {
    return hn::IfThenZeroElse(hn::Eq(a, hn::Zero(D())), v);
  }

  // Returns log2(size) of a positive number, also of a subnormal one. Of zero it is arbitrary.
  static HWY_INLINE Log2<D> LogOf(V<D> size) {
    constexpr C kDigits = sizeof(C) == 8 ? C{54} : C{25};
    constexpr C kScale = sizeof(C) == 8 ? C(0x1p54) : C(0x1p25);
    const auto small = hn::Lt(size, hn::Set(D(), C{1}));
    const Log2<D> log(D(), hn::IfThenElse(small, hn::Mul(size, hn::Set(D(), kScale)), size));
    const V<D> added = hn::IfThenElseZero(small, hn::Set(D(), kDigits));
    return {hn::Sub(log.whole, added), log.rest};
  }
  HWY_INLINE Log2<D> RatioOf(V<D> a) const {
    const Log2<D> log = LogOf(hn::Abs(a));
    return {hn::Sub(log.whole, log_of_largest_.whole), hn::Sub(log.rest, log_of_largest_.rest)};
  }

  M<D> valid_;
  V<D> p_, inverse_p_, largest_, total_, of_ratios_, share_;
  Log2<D> log_of_largest_;
  Log2<D> log_of_mean_;  // of s
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
