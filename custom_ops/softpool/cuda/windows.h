// Every window once, each in a thread. Gradients, if any, are stored where the inputs lie: no two
// windows share one.
#ifndef SOFTPOOL_CUDA_WINDOWS_H_
#define SOFTPOOL_CUDA_WINDOWS_H_

#include "softpool/cuda/register_windows.h"
#include "softpool/cuda/sums.h"

namespace softpool {
namespace HWY_NAMESPACE {

// The box of a window's taps.
HWY_INLINE TapBox BoxAt(const PoolGeometry& g, const std::array<int64_t, kAxes>& steps,
                        const int64_t* o) {
  TapBox box;
  box.step = steps;
  box.target_step = steps;
  for (int i = 0; i < kAxes; ++i) {
    box.count[i] = g.axis[i].End(o[i]) - g.axis[i].Begin(o[i]);
    box.wanted_begin[i] = 0;
    box.wanted_end[i] = box.count[i];
  }
  return box;
}

// The place in memory of the window at position `o`, for one of a thread's channels.
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

// Windows of Size are done in registers, those of any other one by one in memory.
template <class Math, class T, class Size_, class L>
struct WindowsProgram {
  Math math;
  Tensors<T, Math> tensors;
  PoolGeometry geometry;
  std::array<int64_t, kAxes> steps;  // the geometry's InputSteps()
  ChannelMap channels;
  PositionMap positions;  // of a thread's windows
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

  // By value: of what is in registers nobody may know an address.
  HWY_NOINLINE static void RunInMemory(Math own, Window first) {
    for (int lane = 0; lane < L::kLanes; ++lane) own.Run(first.Neighbour(lane, L::kRowTaps));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool

#endif  // SOFTPOOL_CUDA_WINDOWS_H_
