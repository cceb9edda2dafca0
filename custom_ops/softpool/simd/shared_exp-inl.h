// Exponentials that many softmaxes share: those of all windows that have a value in common.
#if defined(SOFTPOOL_SIMD_SHARED_EXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_SIMD_SHARED_EXP_INL_H_
#undef SOFTPOOL_SIMD_SHARED_EXP_INL_H_
#else
#define SOFTPOOL_SIMD_SHARED_EXP_INL_H_
#endif

#include "softpool/simd/exp_pow-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// Exponentials of many values, times a factor 2^k that all of them share. An exponential has the
// same digits whatever k is. So k matters only to values whose exponentials would leave the type's
// range.
template <class D>
class SharedExp {
 public:
  using T = hn::TFromD<D>;
  // An exponential below the type's smallest normal number is zero. If the exponentials of a
  // softmax add up to at least this number, the weights that are lost are zero in the type, or
  // nearly.
  static constexpr T kLeastTotal = static_cast<T>(sizeof(T) == 8 ? 0x1p64 : 0x1p36);
  // The largest exponential is not larger than 2^kTop. Sums of a thousand stay in the type's range.
  static constexpr int kTop = sizeof(T) == 8 ? 400 : 97;

  // For values of a common size: the largest of them is from kLeastLargest to kMostLargest.
  static constexpr T kLeastLargest = sizeof(T) == 8 ? -100 : -8;
  static constexpr T kMostLargest = sizeof(T) == 8 ? 100 : 28;

  HWY_INLINE explicit SharedExp(D d)
      : base_(hn::Zero(d)),
        shift_(hn::Set(d, kRound + kZero + kCommon)),
        lowest_(hn::Set(d, -(kZero + kCommon) * kLn2)) {}

  // For any values, given the largest. If it is of a common size, the exponentials are those of the
  // constructor above.
  HWY_INLINE SharedExp(D d, V<D> largest) : SharedExp(d) {
    using C = ExpConstants<T>;
    const auto common = hn::And(hn::Ge(largest, hn::Set(d, kLeastLargest)),
                                hn::Le(largest, hn::Set(d, kMostLargest)));
    // Beyond this size, the product of n and kLn2High may not be exact. Values near the largest are
    // then taken from the largest, which is exact.
    const auto is_near = hn::Le(hn::Abs(largest), hn::Set(d, T{128}));
    base_ = hn::IfThenZeroElse(is_near, largest);
    const auto log2 = hn::Mul(hn::IfThenElseZero(is_near, largest), hn::Set(d, C::kLog2E));
    const auto n = hn::Sub(hn::Add(log2, hn::Set(d, kRound)), hn::Set(d, kRound));
    const auto k =
        hn::IfThenElse(common, hn::Set(d, T{kCommon}), hn::Sub(hn::Set(d, T{kTop - 1}), n));
    shift_ = hn::Add(hn::Set(d, kRound + kZero), k);
    lowest_ = hn::Mul(hn::Add(hn::Set(d, T{kZero}), k), hn::Set(d, -kLn2));
  }

  // Returns whether values with this largest one, in each lane, are of a common size.
  static HWY_INLINE bool AreCommon(D d, V<D> largest) {
    return hn::AllTrue(d, hn::And(hn::Ge(largest, hn::Set(d, kLeastLargest)),
                                  hn::Le(largest, hn::Set(d, kMostLargest))));
  }

  // Returns the value's distance from the base. Distances at which the exponential is zero are
  // replaced with the shortest of them.
  HWY_INLINE V<D> FromBase(D d, V<D> x) const { return Larger(d, lowest_, hn::Sub(x, base_)); }
  // Returns the exponential of a value whose distance from the base FromBase() has returned.
  HWY_INLINE V<D> Of(D d, V<D> from_base) const { return ShiftedExp(d, from_base, shift_); }
  // The number that distances are measured from. It is zero unless the largest value is large.
  // Infinity counts as large, and makes all exponentials zero or NaN.
  HWY_INLINE V<D> Base() const { return base_; }

 private:
  // The k for values of a common size.
  static constexpr int kCommon = sizeof(T) == 8 ? 250 : 56;
  // The exponent field of 1, and a number that rounds whatever is added to it to a whole number.
  static constexpr int kZero = sizeof(T) == 8 ? 1023 : 127;
  static constexpr T kRound = sizeof(T) == 8 ? T{0x1.8p52} : T{0x1.8p23};
  static constexpr T kLn2 = static_cast<T>(0.693147180559945309);

  V<D> base_, shift_, lowest_;
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
