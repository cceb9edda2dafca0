// The average of a window by weights of any size, which are made one after the other.
#if defined(TF_SOFTPOOL_KERNELS_WEIGHTED_AVERAGE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_WEIGHTED_AVERAGE_INL_H_
#undef TF_SOFTPOOL_KERNELS_WEIGHTED_AVERAGE_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_WEIGHTED_AVERAGE_INL_H_
#endif

#include <hwy/highway.h>

#include <vector>

#include "kernels/exponential-inl.h"
#include "kernels/window-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// Where windows whose taps the compiler does not know are kept.
template <class C>
struct AverageMemory {
  std::vector<C> values, weights;
};

// Each tap is given a value, then a weight; Finish() makes what the rest returns. None of it is
// finite where a value or a weight is not.
template <class W>
class WeightedAverage {
 public:
  using D = typename W::D;
  using C = hn::TFromD<D>;

  // A power of two that weights are multiplied by when they are divided by their sum, so that small
  // ones stay out of the subnormal range. What they are sums of has to be divided by it.
  static constexpr C kScale = sizeof(C) == 8 ? C{0x1p48} : C{0x1p24};

  HWY_INLINE WeightedAverage(const W& window, AverageMemory<C>* memory)
      : window_(window), values_(window, &memory->values), weights_(window, &memory->weights) {}

  HWY_INLINE void SetValue(int64_t i, V<D> value) { values_.Set(i, value); }
  HWY_INLINE V<D> Value(int64_t i) const { return values_.At(i); }
  HWY_INLINE void Weigh(int64_t i, V<D> weight) {
    weights_.Set(i, weight);
    total_.Add(i, weight);
  }

  // The average is made of one that is nearly right, and what is left to it. So equal values give
  // themselves, and an offset that all values share costs FromAverage() no digits.
  HWY_INLINE void Finish() {
    weight_ = total_.Total();
    inverse_ = hn::Div(hn::Set(D(), kScale), weight_);
    const V<D> unscale = hn::Set(D(), 1 / kScale);
    TapSum<D, W::kTaps == 0> near, rest;
    window_.ForEach([&](int64_t i, const Tap&) HWY_ATTR {
      const V<D> share = hn::Mul(weights_.At(i), inverse_);
      weights_.Set(i, share);
      near.AddProduct(i, share, Value(i));
    });
    near_ = hn::Mul(near.Total(), unscale);
    window_.ForEach([&](int64_t i, const Tap&)
                        HWY_ATTR { rest.AddProduct(i, Share(i), hn::Sub(Value(i), near_)); });
    rest_ = hn::Mul(rest.Total(), unscale);
  }
  HWY_INLINE V<D> Average() const { return hn::Add(near_, rest_); }
  HWY_INLINE V<D> FromAverage(int64_t i) const { return hn::Sub(hn::Sub(Value(i), near_), rest_); }
  // A tap's part of all weights, times kScale.
  HWY_INLINE V<D> Share(int64_t i) const { return weights_.At(i); }
  // The weights' sum, and kScale over it.
  HWY_INLINE V<D> Total() const { return weight_; }
  HWY_INLINE V<D> Inverse() const { return inverse_; }
  static HWY_INLINE V<D> Unscaled(V<D> v) { return hn::Mul(v, hn::Set(D(), 1 / kScale)); }

 private:
  const W& window_;
  TapRow<W> values_, weights_;
  TapSum<D, W::kTaps == 0> total_;
  V<D> weight_, inverse_, near_, rest_;
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
