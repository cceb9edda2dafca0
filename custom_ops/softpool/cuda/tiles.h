// The program for windows that share inputs. Each block has a tile of the input, so that every
// input is visited once, and keeps the sums of the tile's gradients in shared memory. The windows
// that reach into the tile add to these sums. Windows do so at the same time only if they share no
// input, so no sum depends on which thread comes first, nor on the tile.
#ifndef SOFTPOOL_CUDA_TILES_H_
#define SOFTPOOL_CUDA_TILES_H_

#include "softpool/cuda/windows.h"

namespace softpool {
namespace HWY_NAMESPACE {

// A part of an axis, and the windows that reach into it.
struct TilePart {
  int64_t begin, end;      // inputs
  int64_t first, windows;  // the windows [first, first + windows)

  SOFTPOOL_HOST_DEVICE TilePart(const PoolAxis& axis, const Divisor& stride, int64_t size,
                                int64_t index) {
    begin = index * size;
    end = begin + size < axis.in ? begin + size : axis.in;
    const Range reaching =
        WindowsReaching(axis, Range{begin, end}, [&](int64_t n) { return stride.Divide(&n); });
    first = reaching.begin;
    windows = reaching.Size() > 0 ? reaching.Size() : 0;
  }
};

struct TileSizes {
  int64_t size[kAxes];
  int64_t Positions() const { return size[0] * size[1] * size[2]; }
};

// Returns tiles of at most `most_positions` positions. They are nearly cubes; a short axis is not
// cut.
inline TileSizes TilesOf(const PoolGeometry& g, int64_t most_positions) {
  TileSizes tiles{{1, 1, 1}};
  for (bool grown = true; grown;) {
    grown = false;
    for (int i = kAxes - 1; i >= 0; --i) {
      const int64_t next = std::min(2 * tiles.size[i], g.axis[i].in);
      if (next == tiles.size[i]) continue;
      if (tiles.Positions() / tiles.size[i] * next > most_positions) continue;
      tiles.size[i] = next;
      grown = true;
    }
  }
  return tiles;
}

template <class Math, class T, class Size_>
struct TilesProgram {
  using C = ComputeType<T>;
  using Window = MemoryWindow<Math, T, Sink::kAdd>;
  using One = Layout<1, 1>;

  Math math;
  Tensors<T, Math> tensors;
  PoolGeometry geometry;
  std::array<int64_t, kAxes> steps;  // the geometry's InputSteps()
  ChannelMap channels;
  PositionMap tiles;
  TileSizes sizes;
  int64_t colours[kAxes];  // how many: windows so far apart share no input
  Divisor by_stride[kAxes], by_colours[kAxes], by_phases;
  BlockSums sums;
  size_t sums_bytes;  // of shared memory, in front of the tile's sums

  static constexpr bool kSums = std::is_base_of_v<ThreadSumming, Math>;

  // Phase 0 zeroes the sums. Each tile then takes one phase for each colour, and one phase that
  // stores the tile. If parameters have gradients, a last phase adds these up.
  SOFTPOOL_HOST_DEVICE int64_t PhasesOfTile() const {
    return colours[0] * colours[1] * colours[2] + 1;
  }
  SOFTPOOL_HOST_DEVICE int64_t Phases(const Thread& t) const {
    const int64_t count = (tiles.count - t.slice + t.slices - 1) / t.slices;
    return 1 + count * PhasesOfTile() + (kSums ? 1 : 0);
  }

  SOFTPOOL_HOST_DEVICE void Run(int64_t phase, const Thread& t) const {
    if (phase == 0) {
      if (kSums) sums.Zero(1, t);
      return Zero(t);
    }
    int64_t step = phase - 1;
    const int64_t tile = t.slice + by_phases.Divide(&step) * t.slices;
    if (tile >= tiles.count) {
      if constexpr (kSums) sums.End(channels, t);
      return;
    }
    const ChannelMap::Own mine = channels.Of(t);
    if (mine.row < 0) return;
    const PositionMap::Position p = tiles.At(tile);
    const TilePart part[kAxes] = {{geometry.axis[0], by_stride[0], sizes.size[0], p.at[0]},
                                  {geometry.axis[1], by_stride[1], sizes.size[1], p.at[1]},
                                  {geometry.axis[2], by_stride[2], sizes.size[2], p.at[2]}};
    if (step == PhasesOfTile() - 1) return Leave(mine, t, p.image, part);
    int64_t colour[kAxes];
    int64_t rest = by_colours[2].Divide(&step);
    colour[2] = step;
    colour[0] = by_colours[1].Divide(&rest);
    colour[1] = rest;
    RunColour(mine, t, p.image, part, colour);
  }

 private:
  HWY_INLINE C* TileSums(const Thread& t, int which) const {
    C* first = reinterpret_cast<C*>(static_cast<unsigned char*>(t.shared) + sums_bytes);
    return first + which * sizes.size[0] * sizes.size[1] * sizes.size[2] * channels.columns;
  }

  HWY_INLINE void Zero(const Thread& t) const {
    const int64_t count = sizes.size[0] * sizes.size[1] * sizes.size[2] * channels.columns;
    C* first = TileSums(t, 0);
    for (int64_t i = t.index; i < Math::kTapOutputs * count; i += t.count) first[i] = 0;
  }

  // Runs the windows of one colour. A window's colour does not depend on the tile.
  HWY_INLINE void RunColour(const ChannelMap::Own& mine, const Thread& t, int64_t image,
                            const TilePart* part, const int64_t* colour) const {
    int64_t first[kAxes], count[kAxes];
    for (int i = 0; i < kAxes; ++i) {
      // The first window of this colour that is not before part[i].first.
      int64_t before = part[i].first - colour[i] + colours[i] - 1;
      first[i] = colour[i] + by_colours[i].Divide(&before) * colours[i];
      int64_t left = part[i].first + part[i].windows - first[i] + colours[i] - 1;
      count[i] = left < colours[i] ? 0 : by_colours[i].Divide(&left);
    }
    Math own = math;
    if constexpr (kSums) sums.Begin(&own, 1, t);
    const int64_t windows = count[0] * count[1] * count[2];
    for (int64_t i = mine.row; i < windows; i += mine.rows) {
      // The number of windows that reach into a tile fits 32 bits.
      const uint32_t n = static_cast<uint32_t>(i), n2 = static_cast<uint32_t>(count[2]),
                     n1 = static_cast<uint32_t>(count[1]);
      const int64_t o[kAxes] = {first[0] + n / n2 / n1 * colours[0],
                                first[1] + n / n2 % n1 * colours[1],
                                first[2] + n % n2 * colours[2]};
      RunWindow(own, mine, t, image, part, o);
    }
  }

  HWY_INLINE void RunWindow(Math& own, const ChannelMap::Own& mine, const Thread& t, int64_t image,
                            const TilePart* part, const int64_t* o) const {
    TapBox box = BoxAt(geometry, steps, o);
    Targets<Math, T> targets{{}, mine.column, t.count, true};
    int64_t step = channels.columns;
    for (int i = kAxes - 1; i >= 0; --i) {
      const int64_t begin = geometry.axis[i].Begin(o[i]);
      box.target_step[i] = step;
      box.SetAxis(i, geometry.axis[i], o[i], Range{part[i].begin, part[i].end});
      targets.first += (begin - part[i].begin) * step;
      // The tile that has a window's first input owns the window.
      targets.owned = targets.owned && begin >= part[i].begin;
      step *= sizes.size[i];
    }
    for (int which = 0; which < Math::kTapOutputs; ++which) {
      targets.sums[which] = TileSums(t, which);
    }
    const Window window{tensors, targets, box,
                        PlaceAt(geometry, mine, channels.outer_channels, image, o), 0};
    if constexpr (Size_::kTaps > 0) {
      if (!IsCut(geometry, o)) {
        return RegisterWindows<Math, T, Sink::kAdd, Size_, One>::Run(own, window);
      }
    }
    RunInMemory(own, window);
  }

  HWY_NOINLINE static void RunInMemory(Math own, Window window) { own.Run(window); }

  // Rounds and stores the tile's sums, and zeroes them for the next tile.
  HWY_INLINE void Leave(const ChannelMap::Own& mine, const Thread& t, int64_t image,
                        const TilePart* part) const {
    const uint32_t n1 = static_cast<uint32_t>(part[1].end - part[1].begin);
    const uint32_t n2 = static_cast<uint32_t>(part[2].end - part[2].begin);
    const uint32_t count = static_cast<uint32_t>(part[0].end - part[0].begin) * n1 * n2;
    const int64_t outer = image * channels.outer_channels + mine.outer;
    const PoolAxis* axis = geometry.axis.data();
    for (uint32_t n = mine.row; n < count; n += mine.rows) {
      const int64_t i0 = n / n2 / n1, i1 = n / n2 % n1, i2 = n % n2;
      const int64_t in_tile = (i0 * sizes.size[1] + i1) * sizes.size[2] + i2;
      const int64_t position =
          ((outer * axis[0].in + part[0].begin + i0) * axis[1].in + part[1].begin + i1) *
              axis[2].in +
          part[2].begin + i2;
      for (int which = 0; which < Math::kTapOutputs; ++which) {
        C* sum = TileSums(t, which) + in_tile * channels.columns + mine.column;
        StoreOne(*sum, tensors.tap_out[which] + position * geometry.inner + mine.inner);
        *sum = 0;
      }
    }
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool

#endif  // SOFTPOOL_CUDA_TILES_H_
