// The weights of ranks in a device's memory, made from their logits there.
#ifndef TF_SOFTPOOL_KERNELS_CUDA_RANK_WEIGHTS_H_
#define TF_SOFTPOOL_KERNELS_CUDA_RANK_WEIGHTS_H_

#include "kernels/cuda/launch.h"
#include "kernels/exponential-inl.h"
#include "kernels/lane_memory.h"
#include "kernels/sorted_pool.h"

namespace softpool {
namespace HWY_NAMESPACE {

// The logits of ranks that some window has.
template <class C>
struct LogitTable {
  const C* values;
  int64_t ranks, step;  // from one rank to the next
  bool per_channel, softmax;

  LogitTable(const RankLogits& logits, const PoolGeometry& g)
      : values(static_cast<const C*>(logits.values)),
        ranks(std::min(logits.pool_range, g.LargestWindow())),
        step(logits.per_channel ? g.Channels() : 1),
        per_channel(logits.per_channel),
        softmax(logits.softmax) {}

  HWY_INLINE C At(int64_t rank, int64_t channel) const {
    return values[rank * step + (per_channel ? channel : 0)];
  }
};

// Tables of all weights in windows of 1, 2, ... up to Ranks() values, one after the other.
template <class C>
struct DeviceRankWeights {
  const C* tables;
  int64_t ranks, channels;
  bool softmax;

  HWY_INLINE int64_t Ranks() const { return ranks; }
  HWY_INLINE int64_t Channels() const { return channels; }
  HWY_INLINE bool IsSoftmax() const { return softmax; }
  // As [ranks, channels].
  HWY_INLINE const C* Of(int64_t count) const {
    return tables + (softmax ? Offset(count) * channels : 0);
  }
  // How many weights the tables before that of `count` values have for each channel.
  HWY_INLINE static int64_t Offset(int64_t count) { return count * (count - 1) / 2; }
};

// A thread makes the table of one size of window for one channel.
template <class C>
struct RankTablesProgram {
  LogitTable<C> logits;
  int64_t channels;
  C* tables;

  SOFTPOOL_HOST_DEVICE int64_t Phases(const Thread&) const { return 1; }

  SOFTPOOL_HOST_DEVICE void Run(int64_t, const Thread& t) const {
    const int64_t count = logits.softmax ? t.group + 1 : logits.ranks;
    const int64_t offset = logits.softmax ? DeviceRankWeights<C>::Offset(count) : 0;
    C* table = tables + offset * channels;
    for (int64_t c = t.slice * t.count + t.index; c < channels; c += t.slices * t.count) {
      if (logits.softmax) {
        Softmax(count, c, table + c);
      } else {
        for (int64_t r = 0; r < count; ++r) table[r * channels + c] = logits.At(r, c);
      }
    }
  }

  // In double, so that the weights are the logits' to the last digit of float.
  HWY_INLINE void Softmax(int64_t count, int64_t c, C* column) const {
    const hn::ScalableTag<double> d;
    double largest = -std::numeric_limits<double>::infinity(), sum = 0;
    double e[kMostTapsInLanes];
    for (int64_t r = 0; r < count; ++r) {
      const double w = static_cast<double>(logits.At(r, c));
      if (w > largest) largest = w;
    }
    for (int64_t r = 0; r < count; ++r) {
      const double w = static_cast<double>(logits.At(r, c));
      // Equal infinities share the weight.
      double distance = w == largest ? 0.0 : w - largest;
      e[r] = ScaledExp(d, &distance);
      sum += e[r];
    }
    for (int64_t r = 0; r < count; ++r) column[r * channels] = static_cast<C>(e[r] / sum);
  }
};

// For windows of at most kMostTapsInLanes values.
template <class C>
std::string MakeRankWeights(const RankLogits& logits, const PoolGeometry& g, const CudaStream& cuda,
                            DeviceRankWeights<C>* weights) {
  const LogitTable<C> table(logits, g);
  const int64_t channels = g.Channels();
  const int64_t rows = logits.softmax ? DeviceRankWeights<C>::Offset(table.ranks + 1) : table.ranks;
  C* tables = static_cast<C*>(cuda.allocate(sizeof(C) * rows * channels));
  *weights = {tables, table.ranks, channels, logits.softmax};
  const RankTablesProgram<C> program{table, channels, tables};
  const int64_t slices = SlicesFor(channels, kThreads, 1, kMostSlices);
  return Launch(program, {logits.softmax ? table.ranks : 1, slices, kThreads, 0}, cuda);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_CUDA_RANK_WEIGHTS_H_
