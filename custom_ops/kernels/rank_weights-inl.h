// The weights of ranks, made from their logits.
#if defined(TF_SOFTPOOL_KERNELS_RANK_WEIGHTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_RANK_WEIGHTS_INL_H_
#undef TF_SOFTPOOL_KERNELS_RANK_WEIGHTS_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_RANK_WEIGHTS_INL_H_
#endif

#include <hwy/highway.h>

#include <cmath>
#include <memory>
#include <vector>

#include "kernels/exponential-inl.h"
#include "kernels/sorted_pool.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// C is the type that values are computed in. Copies share what does not change; each of them serves
// one thread.
template <class C>
class RankWeights {
 public:
  RankWeights(const RankLogits& logits, int64_t channels)
      : logits_(logits),
        channels_(channels),
        full_(std::make_shared<const std::vector<C>>(Table(logits.pool_range))) {}

  int64_t PoolRange() const { return logits_.pool_range; }
  bool IsSoftmax() const { return logits_.softmax; }
  int64_t Channels() const { return channels_; }

  // The weights in windows of so many ranks, as [ranks, channels]. Valid until the next call.
  HWY_INLINE const C* Of(int64_t ranks) {
    return HWY_LIKELY(ranks == logits_.pool_range) ? full_->data() : Clipped(ranks);
  }

  // Those of one channel.
  void OfChannel(int64_t ranks, int64_t channel, std::vector<C>* weights) const {
    const C* logits = static_cast<const C*>(logits_.values);
    const int64_t step = logits_.per_channel ? channels_ : 1;
    if (logits_.per_channel) logits += channel;
    weights->resize(ranks);
    for (int64_t r = 0; r < ranks; ++r) (*weights)[r] = logits[r * step];
    if (logits_.softmax) Softmax(weights);
  }

 private:
  HWY_NOINLINE const C* Clipped(int64_t ranks) {
    // Neighbouring windows at a border are of one size, most of the time.
    if (ranks != clipped_ranks_) clipped_ = Table(ranks);
    clipped_ranks_ = ranks;
    return clipped_.data();
  }

  std::vector<C> Table(int64_t ranks) const {
    std::vector<C> table(ranks * channels_), weights;
    for (int64_t c = 0; c < channels_; ++c) {
      if (c == 0 || logits_.per_channel) OfChannel(ranks, c, &weights);
      for (int64_t r = 0; r < ranks; ++r) table[r * channels_ + c] = weights[r];
    }
    return table;
  }

  // In double, so that the weights are the logits' to the last digit of float.
  static void Softmax(std::vector<C>* weights) {
    const hn::CappedTag<double, 1> d;
    double largest = -std::numeric_limits<double>::infinity();
    for (C w : *weights) largest = w > largest ? static_cast<double>(w) : largest;
    std::vector<double> e(weights->size());
    double sum = 0;
    for (size_t r = 0; r < e.size(); ++r) {
      const double w = static_cast<double>((*weights)[r]);
      // Equal infinities share the weight.
      auto distance = hn::Set(d, w == largest ? 0.0 : w - largest);
      e[r] = hn::GetLane(ScaledExp(d, &distance));
      sum += e[r];
    }
    for (size_t r = 0; r < e.size(); ++r) (*weights)[r] = static_cast<C>(e[r] / sum);
  }

  RankLogits logits_;
  int64_t channels_;
  std::shared_ptr<const std::vector<C>> full_;
  std::vector<C> clipped_;
  int64_t clipped_ranks_ = 0;
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
