// The program that visits every window once, each in one thread. It stores gradients, if there are
// any, where the inputs lie: no two windows share an input then.
#ifndef SOFTPOOL_CUDA_WINDOWS_H_
#define SOFTPOOL_CUDA_WINDOWS_H_

#include "softpool/cuda/register_windows.h"
#include "softpool/cuda/sums.h"

namespace softpool {
namespace HWY_NAMESPACE {

// Returns the box of the taps of the window at position `o`.
HWY_INLINE TapBox BoxAt(const PoolGeometry& g, const std::array<int64_t, kAxes>& steps,
                        const int64_t* o) {
  TapBox box;
  box.step = steps;
  box.target_step = steps;
  for (int i = 0; i < kAxes; ++i) {
    box.SetAxis(i, g.axis[i], o[i], Range{0, g.axis[i].in});
  }
  return box;
}

// Returns the place in memory of the window at position `o`, for a thread's first channel.
HWY_INLINE Place PlaceAt(const PoolGeometry& g, const ChannelMap::Own& own, int64_t outer_channels,
                         int64_t image, const int64_t* o) {
  int64_t in = image * outer_channels + own.outer, out = in;
  for (int i = 0; i < kAxes; ++i) {
    in = in * g.axis[i].in + g.axis[i].Begin(o[i]);
    out = out * g.axis[i].out + o[i];
  }
  return {in * g.inner + own.inner, out * g.inner + own.inner, own.channel};
}

HWY_INLINE bool IsCut(const PoolGeometry& g, const int64_t* o) {
  return g.axis[0].IsCut(o[0]) || g.axis[1].IsCut(o[1]) || g.axis[2].IsCut(o[2]);
}

// The program that pools windows of Size_ in registers. It pools cut windows, and windows of any
// other size, one by one in memory.
template <class Math, class T, class Size_, class L>
struct WindowsProgram {
  Math math;
  Tensors<T, Math> tensors;
  PoolGeometry geometry;
  std::array<int64_t, kAxes> steps;  // the geometry's InputSteps()
  ChannelMap channels;
  PositionMap positions;  // of a thread's first window
  BlockSums sums;

  static constexpr bool kSums = std::is_base_of_v<ThreadSumming, Math>;

  SOFTPOOL_HOST_DEVICE int64_t Phases(const Thread&) const { return kSums ? 2 : 1; }

  SOFTPOOL_HOST_DEVICE void Run(int64_t phase, const Thread& t) const {
    if (kSums && phase == 1) return sums.End(channels, t);
    Math own = math;
    if constexpr (kSums) {
      sums.Zero(channels.vector, t);
      sums.Begin(&own, channels.vector, t);
    }
    const ChannelMap::Own mine = channels.Of(t);
    if (mine.row < 0) return;
    const int64_t rows = mine.rows;
    for (int64_t i = t.slice * rows + mine.row; i < positions.count; i += t.slices * rows) {
      PositionMap::Position p = positions.At(i);
      if (!L::kChannels) p.at[2] *= L::kLanes;
      const Window window{tensors,
                          {{}, 0, t.count, true},
                          BoxAt(geometry, steps, p.at),
                          PlaceAt(geometry, mine, channels.outer_channels, p.image, p.at),
                          0};
      if constexpr (Size_::kTaps > 0) {
        if (!IsCut(geometry, p.at)) {
          RegisterWindows<Math, T, Sink::kStore, Size_, L>::Run(own, window);
          continue;
        }
      }
      RunInMemory(own, window);
    }
  }

 private:
  using Window = MemoryWindow<Math, T, Sink::kStore>;

  // Passed by value, because taking the address of a value forces it out of registers.
  HWY_NOINLINE static void RunInMemory(Math own, Window first) {
    for (int lane = 0; lane < L::kLanes; ++lane) own.Run(first.Neighbour(lane, L::kRowTaps));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool

#endif  // SOFTPOOL_CUDA_WINDOWS_H_
