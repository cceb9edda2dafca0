// Single lanes ranked by the book, for windows that vectors of lanes are not made for.
#if defined(TF_SOFTPOOL_KERNELS_RANKED_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_RANKED_LANES_INL_H_
#undef TF_SOFTPOOL_KERNELS_RANKED_LANES_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_RANKED_LANES_INL_H_
#endif

#include <hwy/highway.h>

#include <vector>

#include "kernels/rank_weights-inl.h"
#include "kernels/ranking.h"
#include "kernels/single_lanes-inl.h"
#include "kernels/window-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// One lane's window after another.
template <class C>
struct RankedLane {
  std::vector<Ranked<C>> ranked;  // its kept values
  std::vector<C> weights;         // theirs

  // False if there is a NaN in the window.
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
