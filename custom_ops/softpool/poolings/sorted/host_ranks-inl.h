// Ranks in CPU kernels: their weights, and single lanes ranked by the slow reference path, for
// windows that the quick path does not handle.
#if defined(SOFTPOOL_POOLINGS_SORTED_HOST_RANKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SORTED_HOST_RANKS_INL_H_
#undef SOFTPOOL_POOLINGS_SORTED_HOST_RANKS_INL_H_
#else
#define SOFTPOOL_POOLINGS_SORTED_HOST_RANKS_INL_H_
#endif

#include <map>
#include <memory>
#include <vector>

#include "softpool/engine/window-inl.h"
#include "softpool/poolings/sorted/rank_logits-inl.h"
#include "softpool/poolings/sorted/sorted_reference.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// The weights of ranks. Each thread has a copy of its own. Copies share the table that does not
// change.
template <class C>
class RankWeights {
 public:
  explicit RankWeights(const Call& call)
      : logits_(call), full_(std::make_shared<const std::vector<C>>(Table(logits_.ranks))) {}

  // The number of ranks in the largest window.
  int64_t Ranks() const { return logits_.ranks; }
  int64_t Channels() const { return logits_.channels; }
  bool IsSoftmax() const { return logits_.softmax; }

  // Returns the weights in windows of `ranks` ranks, as [ranks, channels]. The pointer is valid
  // until the next call.
  HWY_INLINE const C* Of(int64_t ranks) {
    return HWY_LIKELY(ranks == logits_.ranks) ? full_->data() : Clipped(ranks);
  }

  // Stores the weights of one channel in `weights`.
  void OfChannel(int64_t ranks, int64_t channel, std::vector<C>* weights) {
    if (ranks > kMostTabled) return Compute(ranks, channel, weights);
    const C* table = Of(ranks);
    weights->resize(ranks);
    for (int64_t r = 0; r < ranks; ++r) (*weights)[r] = table[r * logits_.channels + channel];
  }

 private:
  static constexpr int64_t kMostTabled = 64;

  HWY_NOINLINE const C* Clipped(int64_t ranks) {
    const auto found = clipped_.find(ranks);
    if (found != clipped_.end()) return found->second.data();
    // Windows at borders usually have few sizes. Very large windows may have many: their tables are
    // dropped and computed again.
    if (clipped_.size() == kMostTabled) clipped_.clear();
    return clipped_.emplace(ranks, Table(ranks)).first->second.data();
  }

  std::vector<C> Table(int64_t ranks) const {
    const int64_t channels = logits_.channels;
    std::vector<C> table(ranks * channels), weights;
    for (int64_t c = 0; c < channels; ++c) {
      if (c == 0 || logits_.per_channel) Compute(ranks, c, &weights);
      for (int64_t r = 0; r < ranks; ++r) table[r * channels + c] = weights[r];
    }
    return table;
  }

  void Compute(int64_t ranks, int64_t channel, std::vector<C>* weights) const {
    weights->resize(ranks);
    std::vector<double> e(ranks);
    logits_.Weights(ranks, channel, e.data(), [&](int64_t r, C p) { (*weights)[r] = p; });
  }

  RankLogits<C> logits_;
  std::shared_ptr<const std::vector<C>> full_;
  std::map<int64_t, std::vector<C>> clipped_;
};

// The window of one lane, ranked by the slow reference path. Its memory serves one lane after
// another.
template <class C>
struct RankedLane {
  std::vector<Ranked<C>> ranked;  // the values that are kept
  std::vector<C> weights;         // the weights of `ranked`

  // Ranks the window and loads the weights. Returns false if there is a NaN in the window.
  template <class W>
  bool Rank(const W& window, size_t lane, RankWeights<C>& rank_weights) {
    ranked.clear();
    window.ForEach(
        [&](int64_t i, const Tap& tap) { ranked.push_back({window.LoadLane(tap, lane), i}); });
    if (!softpool::Rank(rank_weights.Ranks(), &ranked)) return false;
    rank_weights.OfChannel(static_cast<int64_t>(ranked.size()), window.lanes.Channel(lane),
                           &weights);
    return true;
  }

  C Sum() const {
    return WeighedSum(ranked.data(), weights.data(), static_cast<int64_t>(ranked.size()));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
