// The numbers of a window, for poolings that share the meaning of infinities and NaN: a value of
// -inf counts as padding, a window with +inf gives +inf and has no gradient, a window without
// numbers gives -inf and has no gradient, and NaN gives NaN.
#if defined(SOFTPOOL_POOLINGS_SHARED_NUMBERS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SHARED_NUMBERS_INL_H_
#undef SOFTPOOL_POOLINGS_SHARED_NUMBERS_INL_H_
#else
#define SOFTPOOL_POOLINGS_SHARED_NUMBERS_INL_H_
#endif

#include <limits>

#include "softpool/engine/pool_math.h"
#include "softpool/engine/taps-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// With kRare, the window may have values that are not finite, or whose sum overflows. Without, it
// has none, and nothing is done for them. Ordinary windows have the same bits in both.
template <class W, bool kRare>
class Numbers {
 public:
  using D = typename W::D;
  using C = hn::TFromD<D>;
  static constexpr bool kIsRare = kRare;

  HWY_INLINE explicit Numbers(const W& window) : window_(window), values_(window) {
    TapSum<D, W::kTaps == 0> sum;
    if constexpr (kRare) FindRare();
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR { sum.Add(i, At(i, tap)); });
    sum_ = sum.Total();
    if constexpr (kRare) FindOverflow();
  }

  // Returns whether kRare is not needed.
  HWY_INLINE bool AllFinite() const { return hn::AllTrue(D(), hn::IsFinite(sum_)); }

  // The value of a tap. It is zero at taps that count as padding, and in windows with +inf.
  HWY_INLINE V<D> At(int64_t i, const Tap& tap) const {
    const V<D> a = values_.At(i, tap);
    if constexpr (!kRare) return a;
    return hn::IfThenZeroElse(hn::Or(IsNothing(a), infinite_), a);
  }
  // Returns `v`, or zero at taps that count as padding.
  HWY_INLINE V<D> OfNumber(int64_t i, const Tap& tap, V<D> v) const {
    if constexpr (!kRare) return v;
    return hn::IfThenZeroElse(IsNothing(values_.At(i, tap)), v);
  }

  HWY_INLINE V<D> Count() const {
    if constexpr (kRare) return count_;
    return hn::Set(D(), static_cast<C>(window_.Taps()));
  }
  // The sum and the mean. Of values whose sum overflows, the mean is right nevertheless.
  HWY_INLINE V<D> Sum() const {
    if constexpr (!kRare) return sum_;
    return hn::IfThenElse(overflows_, hn::Mul(small_sum_, hn::Set(D(), kLarge)), sum_);
  }
  HWY_INLINE V<D> Mean() const {
    if constexpr (!kRare) return hn::Div(sum_, Count());
    const V<D> mean = hn::Div(hn::IfThenElse(overflows_, small_sum_, sum_), count_);
    return hn::IfThenElse(overflows_, hn::Mul(mean, hn::Set(D(), kLarge)), mean);
  }
  HWY_INLINE V<D> Largest() const {
    V<D> largest = hn::Set(D(), -std::numeric_limits<C>::infinity());
    window_.ForEach([&](int64_t i, const Tap& tap)
                        HWY_ATTR { largest = Larger(D(), values_.At(i, tap), largest); });
    if constexpr (!kRare) return largest;
    return hn::IfThenZeroElse(infinite_, largest);
  }
  // Returns `factor` times the distance of the largest value from the mean. The distance itself may
  // overflow. It is halved then.
  HWY_INLINE V<D> TimesDistance(V<D> factor, V<D> largest) const {
    const V<D> mean = Mean(), distance = hn::Sub(largest, mean);
    const V<D> product = hn::Mul(factor, distance);
    const auto finite = hn::IsFinite(distance);
    if (HWY_LIKELY(hn::AllTrue(D(), finite))) return product;
    const V<D> half = hn::Set(D(), C{0.5});
    const V<D> of_half = hn::Sub(hn::Mul(largest, half), hn::Mul(mean, half));
    const V<D> half_product = hn::Mul(factor, of_half);
    return hn::IfThenElse(finite, product, hn::Add(half_product, half_product));
  }
  // The number of values that are equal to `a`.
  HWY_INLINE V<D> CountOf(V<D> a) const {
    V<D> count = hn::Zero(D());
    window_.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const V<D> one = hn::IfThenElseZero(hn::Eq(At(i, tap), a), hn::Set(D(), C{1}));
      count = hn::Add(count, OfNumber(i, tap, one));
    });
    return count;
  }

  // Give what a pooling computes from the numbers its meaning for the window: a result, the
  // gradient of a tap, and the gradient of a parameter.
  HWY_INLINE V<D> Result(V<D> y) const {
    if constexpr (!kRare) return y;
    y = hn::IfThenElse(infinite_, largest_, y);
    y = hn::IfThenElse(empty_, largest_, y);
    return hn::IfThenElse(hn::IsNaN(nan_), nan_, y);
  }
  HWY_INLINE V<D> OfTap(int64_t i, const Tap& tap, V<D> v) const {
    if constexpr (!kRare) return v;
    return OfWindow(OfNumber(i, tap, v));
  }
  HWY_INLINE V<D> OfWindow(V<D> v) const {
    if constexpr (!kRare) return v;
    v = hn::IfThenZeroElse(hn::Or(infinite_, empty_), v);
    return hn::IfThenElse(hn::IsNaN(nan_), nan_, v);
  }

 private:
  // Sums of up to 2^31 values cannot overflow once the values are divided by this.
  static constexpr C kLarge = C(0x1p31);

  HWY_INLINE static M<D> IsNothing(V<D> a) {
    return hn::Eq(a, hn::Set(D(), -std::numeric_limits<C>::infinity()));
  }

  HWY_INLINE void FindRare() {
    constexpr C kInfinity = std::numeric_limits<C>::infinity();
    count_ = nan_ = hn::Zero(D());
    largest_ = hn::Set(D(), -kInfinity);
    window_.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const V<D> a = values_.At(i, tap);
      count_ = hn::Add(count_, hn::IfThenZeroElse(IsNothing(a), hn::Set(D(), C{1})));
      nan_ = hn::IfThenElse(hn::IsNaN(a), a, nan_);
      largest_ = Larger(D(), a, largest_);
    });
    infinite_ = hn::Eq(largest_, hn::Set(D(), kInfinity));
    empty_ = hn::Eq(count_, hn::Zero(D()));
  }

  HWY_INLINE void FindOverflow() {
    TapSum<D, W::kTaps == 0> small;
    window_.ForEach([&](int64_t i, const Tap& tap)
                        HWY_ATTR { small.Add(i, hn::Mul(At(i, tap), hn::Set(D(), 1 / kLarge))); });
    small_sum_ = small.Total();
    overflows_ = hn::Not(hn::IsFinite(sum_));
  }

  const W& window_;
  const TapValues<W> values_;
  V<D> sum_;
  V<D> count_, largest_, nan_, small_sum_;
  M<D> infinite_, empty_, overflows_;
};

template <class Math, class W>
HWY_NOINLINE void RunRare(Math& math, const W& window) {
  math.Pool(window, Numbers<W, true>(window));
}

// Calls math.Pool(window, numbers). Rare numbers are pooled by code that serves windows of all
// sizes: code for each size would take minutes to compile.
template <class Math, class W>
HWY_INLINE void RunNumbers(Math& math, const W& window) {
  const Numbers<W, false> numbers(window);
  if (HWY_UNLIKELY(!numbers.AllFinite())) return RunRare(math, window.AnySize());
  math.Pool(window, numbers);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
