// One window of one channel ranked by the book in a thread's own memory: for sizes that the
// compiler does not know, and for numbers that are infinite or none.
#ifndef TF_SOFTPOOL_KERNELS_CUDA_RANKED_WINDOW_H_
#define TF_SOFTPOOL_KERNELS_CUDA_RANKED_WINDOW_H_

#include "kernels/cuda/rank_weights.h"
#include "kernels/ranking.h"
#include "kernels/taps-inl.h"

namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
struct RankedWindow {
  Ranked<C> ranked[kMostTapsInLanes];  // its kept values
  C weights[kMostTapsInLanes];         // theirs
  int64_t count = 0;

  // False if there is a NaN in the window.
  template <class W>
  HWY_INLINE bool Rank(const W& window, const DeviceRankWeights<C>& rank_weights) {
    constexpr C kInfinity = std::numeric_limits<C>::infinity();
    bool nan = false;
    window.ForEach([&](int64_t i, const Tap& tap) {
      const C value = window.Load(tap);
      nan = nan || value != value;
      if (value != -kInfinity) Insert({value, i});
    });
    if (nan) return false;
    if (count == 0) {
      window.ForEach([&](int64_t i, const Tap&) { ranked[count++] = {-kInfinity, i}; });
    }
    if (count > rank_weights.Ranks()) count = rank_weights.Ranks();
    const C* table = rank_weights.Of(count);
    for (int64_t r = 0; r < count; ++r) {
      weights[r] = window.LoadChannel(table + r * rank_weights.Channels());
    }
    return true;
  }

 private:
  // Behind those that are as large: they come in the order of their places.
  HWY_INLINE void Insert(const Ranked<C>& value) {
    int64_t at = count++;
    for (; at > 0 && ranked[at - 1].value < value.value; --at) ranked[at] = ranked[at - 1];
    ranked[at] = value;
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_CUDA_RANKED_WINDOW_H_
