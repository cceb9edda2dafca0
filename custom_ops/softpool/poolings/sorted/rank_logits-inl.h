// The logits of ranks, and the weights computed from them. CPU and CUDA kernels share this code.
#if defined(SOFTPOOL_POOLINGS_SORTED_RANK_LOGITS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SORTED_RANK_LOGITS_INL_H_
#undef SOFTPOOL_POOLINGS_SORTED_RANK_LOGITS_INL_H_
#else
#define SOFTPOOL_POOLINGS_SORTED_RANK_LOGITS_INL_H_
#endif

#include <algorithm>
#include <limits>

#include "softpool/engine/op.h"
#include "softpool/simd/exp_pow-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// The logits of the ranks that occur in at least one window. C is the type that values are computed
// in.
template <class C>
struct RankLogits {
  const C* values;
  int64_t ranks, channels;
  bool per_channel;
  bool softmax;  // if false, the logits themselves are the weights

  explicit RankLogits(const Call& call)
      : values(static_cast<const C*>(call.Input("rank_logits").data)),
        ranks(std::min(call.Input("rank_logits").dims[0], call.geometry.LargestWindow())),
        channels(call.geometry.Channels()),
        per_channel(call.Input("rank_logits").dims.size() == 2),
        softmax(call.attributes->String("normalize") == "softmax") {}

  HWY_INLINE C At(int64_t rank, int64_t channel) const {
    return per_channel ? values[rank * channels + channel] : values[rank];
  }

  // Calls weight(r, p_r) for each of the first `count` ranks. The softmax is computed in double, so
  // that the weights are right to the last digit of float. `e` is memory for `count` numbers.
  template <class F>
  HWY_INLINE void Weights(int64_t count, int64_t channel, double* e, const F& weight) const {
    if (!softmax) {
      for (int64_t r = 0; r < count; ++r) weight(r, At(r, channel));
      return;
    }
    const hn::CappedTag<double, 1> d;
    double largest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t r = 0; r < count; ++r) {
      const double w = static_cast<double>(At(r, channel));
      if (w > largest) largest = w;
    }
    for (int64_t r = 0; r < count; ++r) {
      const double w = static_cast<double>(At(r, channel));
      // Infinite logits that are equal share the weight.
      auto distance = hn::Set(d, w == largest ? 0.0 : w - largest);
      e[r] = hn::GetLane(ScaledExp(d, &distance));
      sum += e[r];
    }
    for (int64_t r = 0; r < count; ++r) weight(r, static_cast<C>(e[r] / sum));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
