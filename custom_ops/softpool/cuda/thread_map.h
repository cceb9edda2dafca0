// Which windows, or tiles, and which channels a thread works on.
#ifndef SOFTPOOL_CUDA_THREAD_MAP_H_
#define SOFTPOOL_CUDA_THREAD_MAP_H_

#include <cstdint>

#include "softpool/cuda/launch.h"
#include "softpool/engine/geometry.h"

namespace softpool {

// A divisor that is known when a kernel is launched. If the numbers fit 31 bits, Divide() takes a
// product and a shift.
class Divisor {
 public:
  Divisor() = default;
  explicit Divisor(int64_t d) : d_(d) {
    if (d <= 1 || d >= kNarrow) return;
    while ((int64_t{1} << shift_) < d) ++shift_;
    // Rounded up, which makes quotients exact for all numerators below 2^31.
    magic_ =
        ((uint64_t{1} << (31 + shift_)) + static_cast<uint64_t>(d) - 1) / static_cast<uint64_t>(d);
  }

  // Returns the quotient and leaves the remainder in `*n`.
  SOFTPOOL_HOST_DEVICE int64_t Divide(int64_t* n) const {
    const int64_t numerator = *n;
    int64_t quotient;
    if (d_ == 1) {
      quotient = numerator;
    } else if (numerator < kNarrow && d_ < kNarrow) {
      quotient = static_cast<int64_t>((static_cast<uint64_t>(numerator) * magic_) >> (31 + shift_));
    } else {
      quotient = numerator / d_;
    }
    *n = numerator - quotient * d_;
    return quotient;
  }

 private:
  static constexpr int64_t kNarrow = int64_t{1} << 31;

  int64_t d_ = 1;
  uint64_t magic_ = 0;
  int shift_ = 0;
};

// The distribution of a tensor's channels over the blocks and threads of a grid. Each group of
// blocks has its own channels, and a thread keeps its channels for all windows that it works on. A
// thread can therefore add up gradients for its channels.
struct ChannelMap {
  // A thread takes `vector` consecutive channels at once. A block has at most `most_columns` of
  // these vectors.
  ChannelMap(const PoolGeometry& g, int vector, int64_t most_columns)
      : vector(vector), outer_channels(g.outer_channels), vectors(g.inner / vector) {
    const int64_t chunks = (vectors + most_columns - 1) / most_columns;
    columns = static_cast<int>((vectors + chunks - 1) / chunks);
    // With channels first there is one vector of one value.
    groups = outer_channels > 1 ? outer_channels : (vectors + columns - 1) / columns;
  }

  // Returns how many windows a block of `threads` threads works on at a time.
  SOFTPOOL_HOST_DEVICE int Rows(int threads) const { return threads / columns; }

  // What a thread works on. `row` is its row of windows, or -1 if the thread has none: some threads
  // are left over if columns do not fill rows. `column` is its column. With channels last, `inner`
  // is its first channel. With channels first, `outer` is its channel. `channel` is the one of the
  // two that applies.
  struct Own {
    int row, rows, column;
    int64_t inner, outer, channel;
  };
  SOFTPOOL_HOST_DEVICE Own Of(const Thread& t) const {
    Own own;
    // A thread's index, row and column fit 32 bits.
    const unsigned index = t.index, width = columns;
    own.row = static_cast<int>(index / width);
    own.column = static_cast<int>(index % width);
    own.rows = static_cast<int>(t.count / width);
    const bool outer = outer_channels > 1;
    own.outer = outer ? t.group : 0;
    own.inner = outer ? 0 : (t.group * columns + own.column) * vector;
    own.channel = outer ? own.outer : own.inner;
    if (own.row >= own.rows || own.inner >= vectors * vector) own.row = -1;
    return own;
  }

  int vector;
  int columns;
  int64_t outer_channels, vectors, groups;
};

// The numbering of the positions in a box of four dimensions. The last dimension varies fastest.
struct PositionMap {
  PositionMap() = default;
  PositionMap(int64_t images, int64_t n0, int64_t n1, int64_t n2)
      : count(images * n0 * n1 * n2), by0(n0), by1(n1), by2(n2) {}

  struct Position {
    int64_t image, at[kAxes];
  };
  SOFTPOOL_HOST_DEVICE Position At(int64_t i) const {
    Position p;
    const int64_t rest1 = by2.Divide(&i);
    p.at[2] = i;
    i = rest1;
    const int64_t rest0 = by1.Divide(&i);
    p.at[1] = i;
    i = rest0;
    p.image = by0.Divide(&i);
    p.at[0] = i;
    return p;
  }

  int64_t count = 0;
  Divisor by0, by1, by2;
};

}  // namespace softpool

#endif  // SOFTPOOL_CUDA_THREAD_MAP_H_
