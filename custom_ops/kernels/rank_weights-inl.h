// The weights of ranks, made from their logits.
#if defined(TF_SOFTPOOL_KERNELS_RANK_WEIGHTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_RANK_WEIGHTS_INL_H_
#undef TF_SOFTPOOL_KERNELS_RANK_WEIGHTS_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_RANK_WEIGHTS_INL_H_
#endif

#include <hwy/highway.h>

#include <limits>
#include <map>
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
  // For windows of at most so many taps: logits of ranks beyond weigh nothing.
  RankWeights(const RankLogits& logits, int64_t channels, int64_t largest_window)
      : logits_(logits),
        channels_(channels),
        ranks_(HWY_MIN(logits.pool_range, largest_window)),
        full_(std::make_shared<const std::vector<C>>(Table(ranks_))) {}

  // How many ranks the largest window has.
  int64_t Ranks() const { return ranks_; }
  int64_t Channels() const { return channels_; }
  bool IsSoftmax() const { return logits_.softmax; }

  // The weights in windows of so many ranks, as [ranks, channels]. Valid until the next call.
  HWY_INLINE const C* Of(int64_t ranks) {
    return HWY_LIKELY(ranks == ranks_) ? full_->data() : Clipped(ranks);
  }

  // Those of one channel.
  void OfChannel(int64_t ranks, int64_t channel, std::vector<C>* weights) {
    if (ranks > kMostTabled) return Compute(ranks, channel, weights);
    const C* table = Of(ranks);
    weights->resize(ranks);
    for (int64_t r = 0; r < ranks; ++r) (*weights)[r] = table[r * channels_ + channel];
  }

 private:
  static constexpr int64_t kMostTabled = 64;

  HWY_NOINLINE const C* Clipped(int64_t ranks) {
    const auto found = clipped_.find(ranks);
    if (found != clipped_.end()) return found->second.data();
    // Windows at borders have few sizes; those of very large windows are made again.
    if (clipped_.size() == kMostTabled) clipped_.clear();
    return clipped_.emplace(ranks, Table(ranks)).first->second.data();
  }

  std::vector<C> Table(int64_t ranks) const {
    std::vector<C> table(ranks * channels_), weights;
    for (int64_t c = 0; c < channels_; ++c) {
      if (c == 0 || logits_.per_channel) Compute(ranks, c, &weights);
      for (int64_t r = 0; r < ranks; ++r) table[r * channels_ + c] = weights[r];
    }
    return table;
  }

  void Compute(int64_t ranks, int64_t channel, std::vector<C>* weights) const {
    const C* logits = static_cast<const C*>(logits_.values);
    const int64_t step = logits_.per_channel ? channels_ : 1;
    if (logits_.per_channel) logits += channel;
    weights->resize(ranks);
    for (int64_t r = 0; r < ranks; ++r) (*weights)[r] = logits[r * step];
    if (logits_.softmax) Softmax(weights);
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
  int64_t channels_, ranks_;
  std::shared_ptr<const std::vector<C>> full_;
  std::map<int64_t, std::vector<C>> clipped_;
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
