// Every window once, each in a thread. Gradients, if any, are stored where the inputs lie: no two
// windows share one.
#ifndef TF_SOFTPOOL_KERNELS_CUDA_WINDOWS_H_
#define TF_SOFTPOOL_KERNELS_CUDA_WINDOWS_H_

#include "kernels/cuda/register_windows.h"
#include "kernels/cuda/sums.h"

namespace softpool {
namespace HWY_NAMESPACE {

// The box of a window's taps.
HWY_INLINE TapBox BoxAt(const PoolGeometry& g, const int64_t* o) {
  TapBox box;
  box.step = g.InputSteps();
  box.target_step = box.step;
  for (int i = 0; i < kAxes; ++i) {
    box.count[i] = g.axis[i].End(o[i]) - g.axis[i].Begin(o[i]);
    box.wanted_begin[i] = 0;
    box.wanted_end[i] = box.count[i];
  }
  return box;
}

// Where a window is of which this is the position.
HWY_INLINE Place PlaceAt(const PoolGeometry& g, const ChannelMapping& channels, const Thread& t,
                         int64_t image, const int64_t* o) {
  const int64_t outer = image * channels.outer_channels + channels.Outer(t);
  int64_t in = outer, out = outer;
  for (int i = 0; i < kAxes; ++i) {
    in = in * g.axis[i].in + g.axis[i].Begin(o[i]);
    out = out * g.axis[i].out + o[i];
  }
  const int64_t first = channels.FirstInner(t);
  return {in * g.inner + first, out * g.inner + first, channels.Channel(t)};
}

// Windows of Size are done in registers, those of any other one by one in memory.
template <class Math, class T, class Size_, class L>
struct WindowsProgram {
  Math math;
  Tensors<T, Math> tensors;
  PoolGeometry geometry;
  ChannelMapping channels;
  PositionMapping positions;  // of a thread's windows
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
    const int row = channels.Row(t);
    if (row < 0) return;
    const int64_t rows = t.count / channels.columns;
    for (int64_t i = t.slice * rows + row; i < positions.count; i += t.slices * rows) {
      RunWindows(own, t, positions.At(i));
    }
  }

  HWY_INLINE void RunWindows(Math& own, const Thread& t, PositionMapping::Position p) const {
    if (!L::kChannels) p.at[2] *= L::kLanes;
    const Place place = PlaceAt(geometry, channels, t, p.image, p.at);
    const Targets<Math, T> targets{{}, 0, t.count, true};
    const MemoryWindow<Math, T, Sink::kStore> window{tensors, targets, BoxAt(geometry, p.at), place,
                                                     0};
    if constexpr (Size_::kTaps > 0) {
      if (window.Taps() == Size_::kTaps) {
        return RegisterWindows<Math, T, Sink::kStore, Size_, L>::Run(own, window);
      }
    }
    RunInMemory(own, window);
  }

  HWY_NOINLINE static void RunInMemory(Math& own,
                                       const MemoryWindow<Math, T, Sink::kStore>& first) {
    for (int lane = 0; lane < L::kLanes; ++lane) own.Run(first.Neighbour(lane, L::kRowTaps));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_CUDA_WINDOWS_H_
