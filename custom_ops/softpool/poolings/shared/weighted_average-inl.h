// The weighted average of a window. Weights may be of any size and are given one after the other.
#if defined(SOFTPOOL_POOLINGS_SHARED_WEIGHTED_AVERAGE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SHARED_WEIGHTED_AVERAGE_INL_H_
#undef SOFTPOOL_POOLINGS_SHARED_WEIGHTED_AVERAGE_INL_H_
#else
#define SOFTPOOL_POOLINGS_SHARED_WEIGHTED_AVERAGE_INL_H_
#endif

#include "softpool/engine/taps-inl.h"
#include "softpool/simd/exp_pow-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// The memory that holds windows whose number of taps the compiler does not know.
template <class C>
struct AverageMemory {
  LaneMemory<C> values, weights;
};

// The caller gives each tap a value, then a weight, and then calls Finish(). The functions below
// Finish() return its results. The average is not finite if a value or a weight is not. With
// kAnySize, weights may be so large or small that products with them leave their type's range, so
// the weights are divided by their sum first.
template <class W, bool kAnySize>
class WeightedAverage {
 public:
  using D = typename W::D;
  using C = hn::TFromD<D>;

  HWY_INLINE WeightedAverage(const W& window, AverageMemory<C>* memory)
      : window_(window), values_(window, &memory->values), weights_(window, &memory->weights) {}

  HWY_INLINE void SetValue(int64_t i, V<D> value) { values_.Set(i, value); }
  HWY_INLINE V<D> Value(int64_t i) const { return values_.At(i); }
  HWY_INLINE void Weigh(int64_t i, V<D> weight) {
    weights_.Set(i, weight);
    total_.Add(i, weight);
    if (!kAnySize) products_.AddProduct(i, weight, Value(i));
  }

  // The average is the sum of near_, which is nearly right, and rest_, the average distance from
  // near_. So the average of equal values is that value, and an offset common to all values costs
  // FromAverage() no digits.
  HWY_INLINE void Finish() {
    weight_ = total_.Total();
    inverse_ = hn::Div(hn::Set(D(), kAnySize ? kScale : C{1}), weight_);
    if constexpr (kAnySize) {
      window_.ForEach([&](int64_t i, const Tap&) HWY_ATTR {
        const V<D> share = hn::Mul(weights_.At(i), inverse_);
        weights_.Set(i, share);
        products_.AddProduct(i, share, Value(i));
      });
    }
    near_ = Divided(products_.Total());
    TapSum<D, W::kTaps == 0> rest;
    window_.ForEach([&](int64_t i, const Tap&)
                        HWY_ATTR { rest.AddProduct(i, Share(i), hn::Sub(Value(i), near_)); });
    rest_ = Divided(rest.Total());
  }
  HWY_INLINE V<D> Average() const { return hn::Add(near_, rest_); }
  HWY_INLINE V<D> FromAverage(int64_t i) const { return hn::Sub(hn::Sub(Value(i), near_), rest_); }
  // The sum of the weights.
  HWY_INLINE V<D> Total() const { return weight_; }
  // A tap's fraction of all weights, times a common factor that keeps it from being subnormal.
  // Divided() takes the factor out of a product with a share.
  HWY_INLINE V<D> Share(int64_t i) const { return weights_.At(i); }
  HWY_INLINE V<D> Divided(V<D> v) const {
    return hn::Mul(v, kAnySize ? hn::Set(D(), 1 / kScale) : inverse_);
  }
  // The factor that turns a number on the scale of the weights into a share.
  HWY_INLINE V<D> ToShare() const {
    static_assert(kAnySize, "without kAnySize, shares are the weights as they were given");
    return inverse_;
  }

 private:
  static constexpr C kScale = sizeof(C) == 8 ? C{0x1p48} : C{0x1p24};

  const W& window_;
  TapRow<W> values_, weights_;
  TapSum<D, W::kTaps == 0> total_, products_;
  V<D> weight_, inverse_, near_, rest_;
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
