// How a pooling's work is cut into units for threads. It depends on the geometry alone, never on
// the number of threads or the SIMD target, and no result depends on it.
#ifndef TF_SOFTPOOL_KERNELS_PARTITION_H_
#define TF_SOFTPOOL_KERNELS_PARTITION_H_

#include <array>
#include <cstdint>

#include "kernels/geometry.h"

namespace softpool {

struct Range {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t Size() const { return end - begin; }
};

// Those of `windows` that lie inside `part` and inside the input with all their positions. If there
// are none, a range that starts at no window.
Range UncutWindows(const PoolAxis& axis, Range part, Range windows);

// The windows that have a position inside `part`.
Range WindowsReaching(const PoolAxis& axis, Range part);

// Cuts all windows into runs along the last axis, of some images and channels.
class WindowPartition {
 public:
  struct Unit {
    Range images, channels;
    int64_t o0, o1;
    Range last;
  };

  explicit WindowPartition(const PoolGeometry& geometry);
  int64_t Count() const;
  Unit At(int64_t index) const;
  int64_t OutputsPerUnit() const { return images_ * run_ * channels_; }

 private:
  const PoolGeometry& g_;
  int64_t images_, run_, channels_;  // of one unit, at most
};

// Cuts the input into tiles for which `bytes_per_element` bytes of memory stay in a core's cache.
class TilePartition {
 public:
  struct Tile {
    Range images, channels;
    std::array<Range, kAxes> part;
  };

  TilePartition(const PoolGeometry& geometry, int64_t bytes_per_element);
  int64_t Count() const;
  Tile At(int64_t index) const;
  int64_t LargestTile() const;  // in elements

 private:
  const PoolGeometry& g_;
  int64_t images_, channel_blocks_, largest_channels_;
  std::array<int64_t, kAxes> size_;
};

// Puts units together into blocks, for sums over units: each block has a sum of its own, and those
// are added up in the blocks' order.
class Blocks {
 public:
  Blocks(int64_t units, int64_t most);
  int64_t Count() const { return count_; }
  Range At(int64_t index) const;
  int64_t LargestBlock() const { return size_; }  // in units

 private:
  int64_t units_, size_, count_;
};

}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_PARTITION_H_
