// Sums over all windows, for the gradients of a pooling's parameters. Each thread adds up its own
// terms, each block adds up its threads' sums, and then all blocks' sums are added up, always in
// the same order.
#ifndef SOFTPOOL_CUDA_SUMS_H_
#define SOFTPOOL_CUDA_SUMS_H_

#include "softpool/cuda/thread_map.h"
#include "softpool/engine/pool_math.h"
#include "softpool/engine/taps-inl.h"

namespace softpool {
namespace HWY_NAMESPACE {

// The base of mathematics that adds to these sums, with window.AddChannel(v, sums.Row(r)).
struct ThreadSumming : PoolMath {
  struct Rows {
    double* first;
    int64_t step;
    HWY_INLINE double* Row(int64_t row) const { return first + row * step; }
  };
  Rows sums;
};

// The sums of all threads of a block, which are in shared memory, and the sums of all blocks, which
// are in `partial`, as [slices, rows, channels].
struct BlockSums {
  int64_t rows = 0, channels = 0;
  double* partial = nullptr;

  // Returns how many bytes of shared memory the sums of a block take, if it has `threads` threads
  // with `vector` channels each.
  size_t SharedBytes(int threads, int vector) const {
    return sizeof(double) * rows * vector * threads;
  }
  // Returns how many threads a block may have if its sums are to take at most `bytes` bytes.
  int ThreadsFor(size_t bytes, int vector) const {
    int threads = kThreads;
    while (threads > 1 && SharedBytes(threads, vector) > bytes) threads /= 2;
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
  // Adds up the sums of threads with the same channels. All threads must be done.
  SOFTPOOL_HOST_DEVICE void End(const ChannelMap& map, const Thread& t) const {
    const double* shared = static_cast<const double*>(t.shared);
    const unsigned columns = map.columns, vector = map.vector;
    const unsigned outputs = static_cast<unsigned>(rows) * vector * columns;
    for (unsigned o = t.index; o < outputs; o += t.count) {
      const unsigned column = o % columns, lane = o / columns % vector, row = o / columns / vector;
      const int64_t inner = (t.group * columns + column) * vector + lane;
      const bool outer = map.outer_channels > 1;
      if (!outer && inner >= map.vectors * vector) continue;
      // Indices of shared memory fit in 32 bits.
      // NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)
      const double* first = shared + (row * vector + lane) * t.count + column;
      double sum = 0;
      for (int i = 0; i < map.Rows(t.count); ++i) sum += first[i * columns];
      // NOLINTEND(bugprone-implicit-widening-of-multiplication-result)
      partial[(t.slice * rows + row) * channels + (outer ? t.group : inner)] = sum;
    }
  }
};

// Adds up the blocks' sums over all channels, in parts. Each of many groups takes a row and some of
// the slices, because a single group for each row would take long.
struct FoldProgram {
  static constexpr int kLast = 16;

  BlockSums sums;
  int64_t slices, parts;
  double* out;  // [parts, rows]

  static constexpr size_t kSharedBytes = kThreads * sizeof(double);

  SOFTPOOL_HOST_DEVICE int64_t Phases(const Thread&) const { return 3; }

  SOFTPOOL_HOST_DEVICE void Run(int64_t phase, const Thread& t) const {
    double* shared = static_cast<double*>(t.shared);
    const int64_t row = t.group / parts, part = t.group % parts;
    if (phase == 0) {
      double sum = 0;
      for (int64_t s = slices * part / parts; s < slices * (part + 1) / parts; ++s) {
        const double* terms = sums.partial + (s * sums.rows + row) * sums.channels;
        for (int64_t c = t.index; c < sums.channels; c += t.count) sum += terms[c];
      }
      shared[t.index] = sum;
    } else if (phase == 1 && t.index < kLast) {
      // Adds the sums whose index has the same remainder. No other thread reads or writes these.
      for (int i = t.index + kLast; i < t.count; i += kLast) shared[t.index] += shared[i];
    } else if (phase == 2 && t.index == 0) {
      double total = 0;
      for (int i = 0; i < kLast; ++i) total += shared[i];
      out[part * sums.rows + row] = total;
    }
  }
};

// Adds up the sums of all blocks. A group takes up to kColumns channels of a row.
template <class C>
struct TotalProgram {
  static constexpr int kColumns = 32;

  BlockSums sums;
  int64_t slices, first_row, chunks;
  C* out;  // [rows, channels], from first_row on

  static constexpr size_t kSharedBytes = kThreads * sizeof(double);

  SOFTPOOL_HOST_DEVICE int64_t Phases(const Thread&) const { return 2; }

  SOFTPOOL_HOST_DEVICE void Run(int64_t phase, const Thread& t) const {
    double* shared = static_cast<double*>(t.shared);
    const int64_t row = first_row + t.group / chunks;
    const int64_t channel = t.group % chunks * kColumns + t.index % kColumns;
    if (channel >= sums.channels) return;
    if (phase == 0) {
      double sum = 0;
      for (int64_t s = t.index / kColumns; s < slices; s += t.count / kColumns) {
        sum += sums.partial[(s * sums.rows + row) * sums.channels + channel];
      }
      shared[t.index] = sum;
      return;
    }
    if (t.index >= kColumns) return;
    double total = 0;
    for (int i = t.index; i < t.count; i += kColumns) total += shared[i];
    out[(row - first_row) * sums.channels + channel] = static_cast<C>(total);
  }
};

// Stores the totals of `rows` rows for each channel. These are the gradients of that many
// parameters of each channel.
template <class C>
std::string StoreTotals(const BlockSums& sums, int64_t slices, int64_t first_row, int64_t rows,
                        C* out, const CudaStream& cuda) {
  const int64_t chunks =
      (sums.channels + TotalProgram<C>::kColumns - 1) / TotalProgram<C>::kColumns;
  const TotalProgram<C> program{sums, slices, first_row, chunks, out};
  return Launch(program, {rows * chunks, 1, kThreads, TotalProgram<C>::kSharedBytes}, cuda);
}

// Stores the totals of all rows, for parameters that all channels share.
template <class C>
std::string StoreSharedTotals(const BlockSums& sums, int64_t slices, C* out,
                              const CudaStream& cuda) {
  const int64_t parts = std::min<int64_t>(slices, 64);
  BlockSums folded{sums.rows, 1,
                   static_cast<double*>(cuda.allocate(sizeof(double) * parts * sums.rows))};
  const FoldProgram program{sums, slices, parts, folded.partial};
  const std::string error =
      Launch(program, {sums.rows * parts, 1, kThreads, FoldProgram::kSharedBytes}, cuda);
  return error.empty() ? StoreTotals(folded, parts, 0, sums.rows, out, cuda) : error;
}

// Stores the totals of all rows, either for each channel or for all channels together.
template <class C>
std::string StoreRankTotals(const BlockSums& sums, int64_t slices, bool per_channel, C* out,
                            const CudaStream& cuda) {
  return per_channel ? StoreTotals(sums, slices, 0, sums.rows, out, cuda)
                     : StoreSharedTotals(sums, slices, out, cuda);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool

#endif  // SOFTPOOL_CUDA_SUMS_H_
