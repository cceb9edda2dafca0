#include "softpool/engine/tiling.h"

#include <algorithm>

namespace softpool {
namespace {

// A unit's multiplications of an input by a weight: enough to be worth handing to a thread.
constexpr int64_t kTapsPerUnit = 32 * 1024;
// The number of channels that stay together when channels are split: several vectors, and whole
// cache lines.
constexpr int64_t kChannelBlock = 64;
// The same for tiles. With smaller blocks of channels, a tile's memory holds more rows, and tiles
// share fewer windows.
constexpr int64_t kTileChannels = 32;
constexpr int64_t kTileBytes = 256 * 1024;
// The same for boxes of windows.
constexpr int64_t kBoxBytes = 128 * 1024;
// The most taps of a packed window: its values are then a part of a box.
constexpr int64_t kMostPackedTaps = 1024;
// The most input positions that the windows of a block reach, if windows are not large.
constexpr int64_t kBlockPositions = 1600;
// Values of windows are computed by blocks if at least this number of windows share an input. With
// fewer, computing something for each tap costs no more than keeping it. Gradients always gain.
constexpr int64_t kLeastSharing = 2;
// The most taps of windows in blocks: a block has the memory of a few of them.
constexpr int64_t kMostSharedTaps = 1024;
// The number of lanes of the longest vectors. If there are fewer channels, lanes come from several
// images.
constexpr int64_t kFewChannels = 16;

int64_t CeilDiv(int64_t a, int64_t b) { return a / b + (a % b != 0); }

// Takes the last digit off the mixed-radix number `*index`. Returns the range that the digit stands
// for if `total` is cut into ranges of length `size`.
Range TakeRange(int64_t* index, int64_t size, int64_t total) {
  const int64_t count = CeilDiv(total, size);
  const int64_t begin = *index % count * size;
  *index /= count;
  return {begin, std::min(begin + size, total)};
}

// Does the same with a partition of the channels into `blocks` ranges of length `size`. A short
// rest of channels would leave part of a vector empty, so the last range takes it.
Range TakeChannels(int64_t* index, int64_t size, int64_t blocks, int64_t channels) {
  const int64_t block = TakeRange(index, 1, blocks).begin;
  return {block * size, block == blocks - 1 ? channels : (block + 1) * size};
}

// Returns the number of images whose channels fill a vector together.
int64_t ImagesTogether(const PoolGeometry& g) {
  return std::clamp<int64_t>(kPackedLanes / g.inner, 1, g.outer);
}

}  // namespace

Range UncutWindows(const PoolAxis& axis, Range part, Range windows) {
  const int64_t room = part.end + axis.pad - axis.window;
  // Windows form runs only if they are equally far apart.
  if (room < 0 || axis.IsUneven()) return {-1, -1};
  const int64_t first = std::max<int64_t>(part.begin + axis.pad, 0);
  const int64_t begin = std::max(windows.begin, CeilDiv(first, axis.stride));
  const int64_t end = std::min(windows.end, room / axis.stride + 1);
  return begin < end ? Range{begin, end} : Range{-1, -1};
}

WindowPartition::WindowPartition(const PoolGeometry& g) : g_(g) {
  const int64_t row = g.axis[2].out * g.inner;
  images_ = std::clamp<int64_t>(kChannelBlock / std::max<int64_t>(row, 1), 1, g.outer);
  if (g.inner >= kFewChannels) images_ = 1;
  const int64_t window = g.LargestWindow();
  const int64_t outputs = std::max<int64_t>(kTapsPerUnit / window, 1);
  channels_ = g.inner;
  if (g.inner > outputs) {
    channels_ = std::min(g.inner, CeilDiv(outputs, kChannelBlock) * kChannelBlock);
    // A short rest of channels would leave part of a vector empty.
    if (g.inner % channels_ != 0 && g.inner % channels_ < kFewChannels) channels_ = g.inner;
  }
  run_ = std::clamp<int64_t>(outputs / (channels_ * images_), 1, g.axis[2].out);
}

int64_t WindowPartition::Count() const {
  return CeilDiv(g_.outer, images_) * g_.axis[0].out * g_.axis[1].out *
         CeilDiv(g_.axis[2].out, run_) * CeilDiv(g_.inner, channels_);
}

WindowPartition::Unit WindowPartition::At(int64_t index) const {
  Unit unit;
  unit.channels = TakeRange(&index, channels_, g_.inner);
  unit.last = TakeRange(&index, run_, g_.axis[2].out);
  unit.o1 = TakeRange(&index, 1, g_.axis[1].out).begin;
  unit.o0 = TakeRange(&index, 1, g_.axis[0].out).begin;
  unit.images = TakeRange(&index, images_, g_.outer);
  return unit;
}

bool IsPacked(const PoolGeometry& g) {
  return g.inner < kPackedLanes && g.outer * g.inner >= kPackedLanes / 2 &&
         g.LargestWindow() <= kMostPackedTaps;
}

BoxPartition::BoxPartition(const PoolGeometry& g, int64_t bytes_per_input, int64_t bytes_per_output)
    : g_(g), images_(ImagesTogether(g)) {
  for (int i = 0; i < kAxes; ++i) size_[i] = g.axis[i].out;
  const auto bytes = [&] {
    int64_t inputs = kPackedLanes, outputs = kPackedLanes;
    for (int i = 0; i < kAxes; ++i) {
      inputs *= g.axis[i].Reach(size_[i]);
      outputs *= size_[i];
    }
    return inputs * bytes_per_input + outputs * bytes_per_output;
  };
  // Rows stay whole as long as possible: they are packed quickest.
  for (int i = 0; i < kAxes && bytes() > kBoxBytes;) {
    if (size_[i] == 1) {
      ++i;
    } else {
      size_[i] = CeilDiv(size_[i], 2);
    }
  }
}

int64_t BoxPartition::Count() const {
  int64_t count = CeilDiv(g_.outer, images_);
  for (int i = 0; i < kAxes; ++i) count *= CeilDiv(g_.axis[i].out, size_[i]);
  return count;
}

BoxPartition::Box BoxPartition::At(int64_t index) const {
  Box box;
  for (int i = kAxes - 1; i >= 0; --i) {
    box.windows[i] = TakeRange(&index, size_[i], g_.axis[i].out);
  }
  box.images = TakeRange(&index, images_, g_.outer);
  return box;
}

TilePartition::TilePartition(const PoolGeometry& g, int64_t bytes_per_element) : g_(g) {
  images_ = ImagesTogether(g);
  channel_blocks_ = std::max<int64_t>(g.inner / kTileChannels, 1);
  largest_channels_ = g.inner - (channel_blocks_ - 1) * kTileChannels;
  for (int i = 0; i < kAxes; ++i) size_[i] = g.axis[i].in;
  // Halves the axis along which two tiles share the fewest windows for their size.
  const auto shared = [&](int i) {
    return static_cast<double>(size_[i]) / static_cast<double>(g.axis[i].window);
  };
  while (LargestTile() * bytes_per_element > kTileBytes) {
    int longest = -1;
    for (int i = 0; i < kAxes; ++i) {
      if (size_[i] > 1 && (longest < 0 || shared(i) > shared(longest))) longest = i;
    }
    if (longest < 0) break;
    size_[longest] = CeilDiv(size_[longest], 2);
  }
}

int64_t TilePartition::LargestTile() const {
  return images_ * size_[0] * size_[1] * size_[2] * largest_channels_;
}

int64_t TilePartition::Count() const {
  int64_t count = CeilDiv(g_.outer, images_) * channel_blocks_;
  for (int i = 0; i < kAxes; ++i) count *= CeilDiv(g_.axis[i].in, size_[i]);
  return count;
}

TilePartition::Tile TilePartition::At(int64_t index) const {
  Tile tile;
  tile.channels = TakeChannels(&index, kTileChannels, channel_blocks_, g_.inner);
  for (int i = kAxes - 1; i >= 0; --i) tile.part[i] = TakeRange(&index, size_[i], g_.axis[i].in);
  tile.images = TakeRange(&index, images_, g_.outer);
  return tile;
}

bool BlockPartition::Suits(const PoolGeometry& g, Of of) {
  int64_t shared = g.LargestWindow();  // windows that share an input
  for (const PoolAxis& a : g.axis) shared /= std::min(a.stride, a.window);
  return g.Overlaps() && !g.IsUneven() && (of == Of::kInputs || shared >= kLeastSharing) &&
         g.LargestWindow() <= kMostSharedTaps && (g.inner >= kPackedLanes || IsPacked(g));
}

BlockPartition::BlockPartition(const PoolGeometry& g, Of of)
    : g_(g),
      of_(of),
      images_(ImagesTogether(g)),
      channel_blocks_(std::max<int64_t>(g.inner / kChannelBlock, 1)) {
  for (int i = 0; i < kAxes; ++i) size_[i] = Length(i);
  // Blocks of inputs are not smaller than windows, or else most of their work would be done again
  // for the blocks beside them.
  const int64_t least_windows = of == Of::kInputs ? 9 : 4;
  const int64_t most = std::max(kBlockPositions, least_windows * g.LargestWindow());
  // Halves the axis along which two blocks share the fewest inputs for their size.
  while (Reached(0) * Reached(1) * Reached(2) > most) {
    int longest = -1;
    double least = 0;
    for (int i = 0; i < kAxes; ++i) {
      double share = static_cast<double>(Reached(i)) / static_cast<double>(g.axis[i].window);
      // Rows stay long: memory is read quickest along them.
      if (i == kAxes - 1) share /= 4;
      if (size_[i] > 1 && (longest < 0 || share > least)) {
        longest = i;
        least = share;
      }
    }
    if (longest < 0) break;
    size_[longest] = CeilDiv(size_[longest], 2);
  }
}

int64_t BlockPartition::Length(int axis) const {
  return of_ == Of::kWindows ? g_.axis[axis].out : g_.axis[axis].in;
}

int64_t BlockPartition::Reached(int axis) const {
  const PoolAxis& a = g_.axis[axis];
  const int64_t windows = of_ == Of::kWindows
                              ? size_[axis]
                              : std::min(CeilDiv(size_[axis] + a.window - 1, a.stride), a.out);
  return a.Reach(windows);
}

int64_t BlockPartition::Count() const {
  int64_t count = CeilDiv(g_.outer, images_) * channel_blocks_;
  for (int i = 0; i < kAxes; ++i) count *= CeilDiv(Length(i), size_[i]);
  return count;
}

BlockPartition::Block BlockPartition::At(int64_t index) const {
  Block block;
  block.channels = TakeChannels(&index, kChannelBlock, channel_blocks_, g_.inner);
  for (int i = kAxes - 1; i >= 0; --i) block.part[i] = TakeRange(&index, size_[i], Length(i));
  block.images = TakeRange(&index, images_, g_.outer);
  return block;
}

int64_t BlockPartition::LargestBlock() const {
  return images_ * std::min(g_.inner, 2 * kChannelBlock) * size_[0] * size_[1] * size_[2];
}

Blocks::Blocks(int64_t units, int64_t most)
    : units_(units), size_(CeilDiv(units, most)), count_(CeilDiv(units, size_)) {}

Range Blocks::At(int64_t index) const {
  return {index * size_, std::min((index + 1) * size_, units_)};
}

}  // namespace softpool
