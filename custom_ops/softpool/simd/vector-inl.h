// Computations with vectors of lanes, the same to the last bit on every SIMD target: arithmetic,
// sums, and loops that the compiler unrolls. On a CPU the vectors are Highway's. In CUDA kernels
// they have one lane, which is a thread. This is a per-target header: hwy/foreach_target.h includes
// it once for each target.
#if defined(SOFTPOOL_SIMD_VECTOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_SIMD_VECTOR_INL_H_
#undef SOFTPOOL_SIMD_VECTOR_INL_H_
#else
#define SOFTPOOL_SIMD_VECTOR_INL_H_
#endif

#include <cmath>
#include <type_traits>
#include <utility>

#if defined(SOFTPOOL_ONE_LANE)
#include "softpool/simd/one_lane.h"
#else
#include <hwy/highway.h>
#endif

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {
#if defined(SOFTPOOL_ONE_LANE)
namespace hn = one_lane;
#else
namespace hn = hwy::HWY_NAMESPACE;
#endif

template <class D>
using V = hn::Vec<D>;
template <class D>
using M = hn::Mask<D>;

// Larger() returns a if a > b, else b. Smaller() returns the other one. x86's max and min do
// exactly this. On other targets both spell the comparison out, because max and min treat NaN and
// zeros of different sign differently there.
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR
template <class D>
HWY_INLINE V<D> Larger(D, V<D> a, V<D> b) {
  return hn::Max(a, b);
}
template <class D>
HWY_INLINE V<D> Smaller(D, V<D> a, V<D> b) {
  return hn::Min(b, a);
}
#else
template <class D>
HWY_INLINE V<D> Larger(D, V<D> a, V<D> b) {
  return hn::IfThenElse(hn::Gt(a, b), a, b);
}
template <class D>
HWY_INLINE V<D> Smaller(D, V<D> a, V<D> b) {
  return hn::IfThenElse(hn::Gt(a, b), b, a);
}
#endif

#if !HWY_NATIVE_FMA && HWY_TARGET != HWY_SCALAR
// Returns the floats nearest to a b + c, for floats that are given as doubles. The product is
// exact, so only the sum is rounded before the result is. The sum is rounded to odd, that is, to
// the neighbour whose last bit is set. This keeps the first rounding from misleading the second
// one.
template <class D>
HWY_INLINE V<hn::Rebind<float, D>> MulAddThroughDouble(D d, V<D> a, V<D> b, V<D> c) {
  const hn::RebindToUnsigned<D> du;
  const auto product = hn::Mul(a, b);
  const auto sum = hn::Add(product, c);
  const auto part = hn::Sub(sum, product);
  const auto lost = hn::Add(hn::Sub(product, hn::Sub(sum, part)), hn::Sub(c, part));
  const auto bits = hn::BitCast(du, sum);
  const auto one = hn::Set(du, 1u);
  const auto zero = hn::Zero(du);
  const auto inexact = hn::RebindMask(du, hn::Gt(hn::Abs(lost), hn::Zero(d)));
  const auto even = hn::Eq(hn::And(bits, one), zero);
  const auto outward = hn::Eq(hn::ShiftRight<63>(hn::Xor(bits, hn::BitCast(du, lost))), zero);
  const auto odd = hn::IfThenElse(outward, hn::Add(bits, one), hn::Sub(bits, one));
  const auto rounded = hn::IfThenElse(hn::And(inexact, even), odd, bits);
  return hn::DemoteTo(hn::Rebind<float, D>(), hn::BitCast(d, rounded));
}
#endif

// Returns a b + c. In float the result is rounded once. Most targets have an instruction for this;
// the others imitate it, slowly, so that all targets have the same results. In double the result is
// rounded twice, because an imitation would need a wider type.
template <class D>
HWY_INLINE V<D> MulAdd(D d, V<D> a, V<D> b, V<D> c) {
  (void)d;
  if constexpr (sizeof(hn::TFromD<D>) == 8) {
    return hn::Add(hn::Mul(a, b), c);
  } else {
#if HWY_NATIVE_FMA
    return hn::MulAdd(a, b, c);
#elif HWY_TARGET == HWY_SCALAR
    return hn::Set(d, std::fma(hn::GetLane(a), hn::GetLane(b), hn::GetLane(c)));
#else
    const hn::Half<D> dh;
    const hn::Rebind<double, decltype(dh)> dd;
    const auto low = MulAddThroughDouble(dd, hn::PromoteTo(dd, hn::LowerHalf(dh, a)),
                                         hn::PromoteTo(dd, hn::LowerHalf(dh, b)),
                                         hn::PromoteTo(dd, hn::LowerHalf(dh, c)));
    const auto high = MulAddThroughDouble(dd, hn::PromoteTo(dd, hn::UpperHalf(dh, a)),
                                          hn::PromoteTo(dd, hn::UpperHalf(dh, b)),
                                          hn::PromoteTo(dd, hn::UpperHalf(dh, c)));
    return hn::Combine(d, high, low);
#endif
  }
}

// Returns c - a b. The product must be exact. The result is then rounded once, with or without an
// instruction for this.
template <class D>
HWY_INLINE V<D> SubExactProduct(D, V<D> a, V<D> b, V<D> c) {
  return hn::NegMulAdd(a, b, c);
}

// Returns `check`, or NaN where `a` is infinite or NaN, because zero times these is NaN. `check`
// stays finite through a chain of calls only if all values are ordinary numbers.
template <class D>
HWY_INLINE V<D> Check(D d, V<D> a, V<D> check) {
  return MulAdd(d, hn::Zero(d), a, check);
}

// A sum of terms, added in the order given. If kLong is true, the sum stays exact however many
// terms there are: the sums of runs of up to kRun terms are added with their rounding errors
// carried along. If the terms are known to fit one run, kLong can be false: the sum is the same,
// without that work.
template <class D, bool kLong>
class TapSum {
 public:
  static constexpr int64_t kRun = 64;

  HWY_INLINE TapSum() : run_(hn::Zero(D())), total_(hn::Zero(D())), error_(hn::Zero(D())) {}

  // `index` is the number of terms that were added before this one.
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

// Marks a lambda whose code must be a part of the function around it. Otherwise GCC calls large
// lambdas, and vectors go there and back through memory.
#if defined(SOFTPOOL_ONE_LANE)
#define SOFTPOOL_INLINE_ATTR HWY_ATTR
#else
#define SOFTPOOL_INLINE_ATTR HWY_ATTR __attribute__((always_inline))
#endif

// Calls f with each number from 0 to kCount - 1, as a std::integral_constant.
template <class F, int... kIndex>
HWY_INLINE void RepeatEach(const F& f, std::integer_sequence<int, kIndex...>) {
  (f(std::integral_constant<int, kIndex>()), ...);
}
template <int kCount, class F>
HWY_INLINE void Repeat(const F& f) {
  RepeatEach(f, std::make_integer_sequence<int, kCount>());
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
