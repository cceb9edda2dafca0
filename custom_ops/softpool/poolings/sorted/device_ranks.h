// Ranks in CUDA kernels: their weights, which the device computes from the logits, and single
// windows ranked by the slow reference path.
#ifndef SOFTPOOL_POOLINGS_SORTED_DEVICE_RANKS_H_
#define SOFTPOOL_POOLINGS_SORTED_DEVICE_RANKS_H_

#include "softpool/cuda/launch.h"
#include "softpool/engine/taps-inl.h"
#include "softpool/poolings/sorted/rank_logits-inl.h"
#include "softpool/poolings/sorted/sorted_reference.h"

namespace softpool {
namespace HWY_NAMESPACE {

// Tables of the weights in windows of 1, 2, ... up to Ranks() values, one after the other. Without
// the softmax, a single table serves windows of all sizes.
template <class C>
struct DeviceRankWeights {
  const C* tables;
  int64_t ranks, channels;
  bool softmax;

  HWY_INLINE int64_t Ranks() const { return ranks; }
  HWY_INLINE int64_t Channels() const { return channels; }
  HWY_INLINE bool IsSoftmax() const { return softmax; }
  // Returns the weights in windows of `count` values, as [ranks, channels].
  HWY_INLINE const C* Of(int64_t count) const {
    return tables + (softmax ? Offset(count) * channels : 0);
  }
  // Returns the number of weights for each channel in the tables before the one for `count` values.
  HWY_INLINE static int64_t Offset(int64_t count) { return count * (count - 1) / 2; }
};

// Computes the tables. A thread computes one channel at a time of the table for one size of window.
template <class C>
struct RankTablesProgram {
  RankLogits<C> logits;
  C* tables;

  SOFTPOOL_HOST_DEVICE int64_t Phases(const Thread&) const { return 1; }

  SOFTPOOL_HOST_DEVICE void Run(int64_t, const Thread& t) const {
    const int64_t count = logits.softmax ? t.group + 1 : logits.ranks;
    const int64_t offset = logits.softmax ? DeviceRankWeights<C>::Offset(count) : 0;
    const int64_t channels = logits.channels;
    C* table = tables + offset * channels;
    double e[kMostTapsInLanes];
    for (int64_t c = t.slice * t.count + t.index; c < channels; c += t.slices * t.count) {
      logits.Weights(count, c, e, [&](int64_t r, C weight) { table[r * channels + c] = weight; });
    }
  }
};

// Computes the tables for windows of at most kMostTapsInLanes values.
template <class C>
std::string MakeRankWeights(const Call& call, const CudaStream& cuda,
                            DeviceRankWeights<C>* weights) {
  const RankLogits<C> logits(call);
  const int64_t channels = logits.channels;
  const int64_t rows =
      logits.softmax ? DeviceRankWeights<C>::Offset(logits.ranks + 1) : logits.ranks;
  C* tables = static_cast<C*>(cuda.allocate(sizeof(C) * rows * channels));
  *weights = {tables, logits.ranks, channels, logits.softmax};
  const RankTablesProgram<C> program{logits, tables};
  const int64_t slices = SlicesFor(channels, kThreads, 1, kMostSlices);
  return Launch(program, {logits.softmax ? logits.ranks : 1, slices, kThreads, 0}, cuda);
}

// One window of one channel, ranked by the slow reference path in a thread's own memory. It is for
// windows whose size the compiler does not know, and for windows with infinite or NaN values.
template <class C>
struct RankedWindow {
  Ranked<C> ranked[kMostTapsInLanes];  // the values that are kept
  C weights[kMostTapsInLanes];         // the weights of `ranked`
  int64_t count = 0;

  // Ranks the window and loads the weights. Returns false if there is a NaN in the window.
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
  // Inserts a value behind those that are equal, so that equal values stay in the order of their
  // places.
  HWY_INLINE void Insert(const Ranked<C>& value) {
    int64_t at = count++;
    for (; at > 0 && ranked[at - 1].value < value.value; --at) ranked[at] = ranked[at - 1];
    ranked[at] = value;
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool

#endif  // SOFTPOOL_POOLINGS_SORTED_DEVICE_RANKS_H_
