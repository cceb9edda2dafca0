// Sums of products that may overflow though the sum does not, or whose terms overflow in both
// directions: the factors are made small before, and the sum is made large again. A sum beyond the
// type's range becomes an infinity of its sign.
#if defined(SOFTPOOL_POOLINGS_SHARED_SMALL_FACTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SHARED_SMALL_FACTORS_INL_H_
#undef SOFTPOOL_POOLINGS_SHARED_SMALL_FACTORS_INL_H_
#else
#define SOFTPOOL_POOLINGS_SHARED_SMALL_FACTORS_INL_H_
#endif

#include "softpool/simd/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class D>
struct SmallFactors {
  using C = hn::TFromD<D>;
  // The square of it, times the square of the largest number and 2^12 terms, is in the range.
  static constexpr C kSmall = sizeof(C) == 8 ? C(0x1p-520) : C(0x1p-72);

  HWY_INLINE V<D> Of(V<D> factor) const { return hn::Mul(factor, hn::Set(D(), kSmall)); }
  // Returns a sum of products of two small factors, for the factors as they were.
  HWY_INLINE V<D> Product(V<D> sum) const {
    const V<D> large = hn::Set(D(), 1 / kSmall);
    return hn::Mul(hn::Mul(sum, large), large);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
