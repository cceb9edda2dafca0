// How a pooling's work is cut into units for threads, and into tiles of the input. The cuts depend
// on the geometry alone, never on the number of threads or the SIMD target, and no result depends
// on the cuts.
#ifndef SOFTPOOL_ENGINE_TILING_H_
#define SOFTPOOL_ENGINE_TILING_H_

#include <array>
#include <cstdint>

#include "softpool/engine/geometry.h"

namespace softpool {

struct Range {
  int64_t begin = 0;
  int64_t end = 0;
  SOFTPOOL_HOST_DEVICE int64_t Size() const { return end - begin; }
};

// The columns of packed tensors: see pack-inl.h. As many as the longest vectors have lanes.
inline constexpr int64_t kPackedLanes = 16;

// Returns whether tensors are packed. They are if channels alone do not fill vectors, the columns
// fill at least half of one, and a window is so small that its copy stays in a core's cache.
bool IsPacked(const PoolGeometry& geometry);

// Returns those of `windows` whose positions all lie inside `part` and inside the input. If there
// are none, returns a range that starts at no window.
Range UncutWindows(const PoolAxis& axis, Range part, Range windows);

// Returns the first window for which `holds` returns true, or axis.out. It must return true for all
// windows that follow one for which it does.
template <class Holds>
SOFTPOOL_HOST_DEVICE int64_t FirstWindow(const PoolAxis& axis, const Holds& holds) {
  int64_t begin = 0, end = axis.out;
  while (begin < end) {
    const int64_t middle = begin + (end - begin) / 2;
    if (holds(middle)) {
      end = middle;
    } else {
      begin = middle + 1;
    }
  }
  return begin;
}

// Returns the windows that have a position inside `part`. over_stride(n) must divide a non-negative
// number by the stride: a device has a quicker way to do this than the processor's division.
template <class Divide>
SOFTPOOL_HOST_DEVICE Range WindowsReaching(const PoolAxis& axis, Range part,
                                           const Divide& over_stride) {
  if (axis.IsUneven()) {
    return {FirstWindow(axis, [&](int64_t o) { return axis.End(o) > part.begin; }),
            FirstWindow(axis, [&](int64_t o) { return axis.Begin(o) >= part.end; })};
  }
  const int64_t before = part.begin + axis.pad - axis.window;  // the last start that is too early
  const int64_t last = part.end - 1 + axis.pad;  // the last start that is not too late
  const int64_t begin = before < 0 ? 0 : over_stride(before) + 1;
  const int64_t end = last < 0 ? 0 : over_stride(last) + 1;
  return {begin, end < axis.out ? end : axis.out};
}
inline Range WindowsReaching(const PoolAxis& axis, Range part) {
  return WindowsReaching(axis, part, [&](int64_t n) { return n / axis.stride; });
}

// A partition of all windows into runs along the last axis, of some images and channels.
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
  int64_t images_, run_, channels_;  // the most in one unit
};

// A partition of all windows into boxes, of as many images as packed columns hold. A box is so
// small that `bytes_per_input` bytes for each input and `bytes_per_output` bytes for each output
// stay in a core's cache.
class BoxPartition {
 public:
  struct Box {
    Range images;
    std::array<Range, kAxes> windows;
  };

  BoxPartition(const PoolGeometry& geometry, int64_t bytes_per_input, int64_t bytes_per_output);
  int64_t Count() const;
  Box At(int64_t index) const;
  int64_t OutputsPerBox() const { return images_ * g_.inner * size_[0] * size_[1] * size_[2]; }

 private:
  const PoolGeometry& g_;
  int64_t images_;
  std::array<int64_t, kAxes> size_;  // in windows
};

// A partition of the input into tiles. A tile is so small that bytes_per_element bytes of memory
// for each of its elements stay in a core's cache.
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
  int64_t LargestPositions() const { return size_[0] * size_[1] * size_[2]; }

 private:
  const PoolGeometry& g_;
  int64_t images_, channel_blocks_, largest_channels_;
  std::array<int64_t, kAxes> size_;
};

// A partition of all windows, or of all inputs whose gradients are wanted, into blocks. Windows of
// a block are pooled together, and a result may depend on the block. So the cuts along the axes
// depend on the axes alone, not on channels, types or the layout.
class BlockPartition {
 public:
  struct Block {
    Range images, channels;
    std::array<Range, kAxes> part;  // windows or inputs
  };
  enum class Of { kWindows, kInputs };

  // Returns whether blocks are worth their memory, and lanes are consecutive or packed.
  static bool Suits(const PoolGeometry& geometry, Of of);

  BlockPartition(const PoolGeometry& geometry, Of of);
  int64_t Count() const;
  Block At(int64_t index) const;
  int64_t LargestBlock() const;  // in windows or inputs

 private:
  int64_t Length(int axis) const;
  // Returns the number of input positions along an axis that the windows of a block reach.
  int64_t Reached(int axis) const;

  const PoolGeometry& g_;
  Of of_;
  int64_t images_, channel_blocks_;
  std::array<int64_t, kAxes> size_;
};

// Groups of units, for sums over units. Each block has its own sum, and these sums are added up in
// the blocks' order.
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

#endif  // SOFTPOOL_ENGINE_TILING_H_
