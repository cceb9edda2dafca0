// Sums over all windows, for the gradients of a pooling's parameters: in each thread one after the
// other, in a block, and over all blocks, always in the same order.
#ifndef TF_SOFTPOOL_KERNELS_CUDA_SUMS_H_
#define TF_SOFTPOOL_KERNELS_CUDA_SUMS_H_

#include "kernels/cuda/mapping.h"
#include "kernels/pool_math.h"
#include "kernels/taps-inl.h"

namespace softpool {
namespace HWY_NAMESPACE {

// The base of mathematics that adds to such sums, with window.AddChannel(v, sums.Row(r)).
struct ThreadSumming : PoolMath {
  struct Rows {
    double* first;
    int64_t step;
    HWY_INLINE double* Row(int64_t row) const { return first + row * step; }
  };
  Rows sums;
};

// The sums of all threads of a block, in shared memory, and of all blocks: `partial`, as [slices,
// rows, channels].
struct BlockSums {
  int64_t rows = 0, channels = 0;
  double* partial = nullptr;

  // Of a block of so many threads that have so many channels each.
  size_t SharedBytes(int threads, int vector) const {
    return sizeof(double) * rows * vector * threads;
  }
  // How many threads a block may have for its sums to take no more than that.
  int ThreadsFor(size_t bytes, int vector) const {
    int threads = kThreads;
    while (threads > 32 && SharedBytes(threads, vector) > bytes) threads /= 2;
    return threads;
  }

  template <class Math>
  SOFTPOOL_HOST_DEVICE void Begin(Math* math, int vector, const Thread& t) const {
    math->sums = {static_cast<double*>(t.shared) + t.index, int64_t{vector} * t.count};
  }
  SOFTPOOL_HOST_DEVICE void Zero(int vector, const Thread& t) const {
    double* own = static_cast<double*>(t.shared) + t.index;
    for (int64_t i = 0; i < rows * vector; ++i) own[i * t.count] = 0;
  }
  // After all threads are done: adds up what those of the same channels have.
  SOFTPOOL_HOST_DEVICE void End(const ChannelMapping& map, const Thread& t) const {
    const double* shared = static_cast<const double*>(t.shared);
    const int64_t outputs = rows * map.vector * map.columns;
    for (int64_t o = t.index; o < outputs; o += t.count) {
      const int64_t column = o % map.columns, lane = o / map.columns % map.vector;
      const int64_t row = o / map.columns / map.vector;
      const int64_t inner =
          (t.group / map.outer_channels * map.columns + column) * map.vector + lane;
      if (inner >= map.vectors * map.vector) continue;
      const double* first = shared + (row * map.vector + lane) * t.count + column;
      double sum = 0;
      for (int i = 0; i < t.count / map.columns; ++i) sum += first[i * map.columns];
      const int64_t channel = map.outer_channels > 1 ? map.Outer(t) : inner;
      partial[(t.slice * rows + row) * channels + channel] = sum;
    }
  }
};

// Adds up what the blocks have: a group has a row of up to kColumns channels or, if all channels
// share their parameters, a whole row.
template <class C>
struct TotalProgram {
  static constexpr int kColumns = 32;

  BlockSums sums;
  int64_t slices, first_row, chunks;
  bool shared_by_channels;
  C* out;  // [rows, channels] or [rows], from first_row on

  static constexpr size_t kSharedBytes = kThreads * sizeof(double);

  SOFTPOOL_HOST_DEVICE int64_t Phases(const Thread&) const { return 2; }

  SOFTPOOL_HOST_DEVICE void Run(int64_t phase, const Thread& t) const {
    double* shared = static_cast<double*>(t.shared);
    const int64_t row = first_row + t.group / chunks;
    const int64_t channel = t.group % chunks * kColumns + t.index % kColumns;
    const int64_t depth = t.count / kColumns;
    if (phase == 0) {
      double sum = 0;
      const int64_t step = shared_by_channels ? kColumns : sums.channels;
      for (int64_t slice = t.index / kColumns; slice < slices; slice += depth) {
        const double* terms = sums.partial + (slice * sums.rows + row) * sums.channels;
        for (int64_t c = channel; c < sums.channels; c += step) sum += terms[c];
      }
      shared[t.index] = sum;
      return;
    }
    const bool is_last = shared_by_channels ? t.index > 0 : t.index >= kColumns;
    if (is_last || channel >= sums.channels) return;
    double total = 0;
    const int64_t step = shared_by_channels ? 1 : kColumns;
    for (int64_t i = t.index; i < t.count; i += step) total += shared[i];
    out[shared_by_channels ? row - first_row : (row - first_row) * sums.channels + channel] =
        static_cast<C>(total);
  }
};

// The totals of `rows` rows, which are the gradients of as many parameters.
template <class C>
std::string StoreTotals(const BlockSums& sums, int64_t slices, int64_t first_row, int64_t rows,
                        bool per_channel, C* out, const CudaStream& cuda) {
  const int64_t chunks =
      per_channel ? (sums.channels + TotalProgram<C>::kColumns - 1) / TotalProgram<C>::kColumns : 1;
  const TotalProgram<C> program{sums, slices, first_row, chunks, !per_channel, out};
  return Launch(program, {rows * chunks, 1, kThreads, TotalProgram<C>::kSharedBytes}, cuda);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_CUDA_SUMS_H_
