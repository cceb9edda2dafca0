// A block of windows that overlap, as one vector of lanes sees it. Mathematics that computes
// something once for each input, and not once for each window that the input is in, pools a block
// at a time. Its constant kPoolsBlocks says so, and its function RunBlock(block) does it.
#if defined(SOFTPOOL_ENGINE_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_ENGINE_BLOCK_INL_H_
#undef SOFTPOOL_ENGINE_BLOCK_INL_H_
#else
#define SOFTPOOL_ENGINE_BLOCK_INL_H_
#endif

#include <hwy/cache_control.h>

#include <algorithm>
#include <array>

#include "softpool/engine/pool_math.h"
#include "softpool/engine/region_visitor-inl.h"
#include "softpool/engine/window-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

using Ranges = std::array<Range, kAxes>;
using Position = std::array<int64_t, kAxes>;

inline int64_t PositionsIn(const Ranges& r) { return r[0].Size() * r[1].Size() * r[2].Size(); }
// Returns the number of a position of a box, in row-major order.
inline int64_t IndexIn(const Ranges& r, const Position& at) {
  return ((at[0] - r[0].begin) * r[1].Size() + at[1] - r[1].begin) * r[2].Size() + at[2] -
         r[2].begin;
}

// kColumns says whether lanes are packed columns. Rows lie along the last axis. A pointer to a row
// points to where the row's position 0 is, even if this position is outside the block.
template <class Math, class T_, bool kColumns>
class Block {
 public:
  using T = T_;
  using D = hn::ScalableTag<ComputeType<T>>;
  using C = ComputeType<T>;

  const PoolGeometry& g;
  Ranges windows;  // the block's windows
  Ranges inputs;   // the inputs that these windows reach
  Ranges part;     // the inputs whose gradients are wanted; the block has all of their windows

  // `lanes` says where position 0 of each tensor lies. `prefetched` is the number of channels that
  // PrefetchTap() fetches.
  Block(const PoolGeometry& g, const Region& region, const Tensors<T, Math>& tensors,
        const Ranges& windows, const ConsecutiveLanes<D, kColumns>& lanes, int64_t prefetched)
      : g(g),
        windows(windows),
        part(region.part),
        region_(region),
        tensors_(tensors),
        lanes_(lanes),
        prefetched_(prefetched) {
    for (int i = 0; i < kAxes; ++i) {
      const PoolAxis& a = g.axis[i];
      inputs[i] = windows[i].Size() > 0
                      ? Range{a.Begin(windows[i].begin), a.End(windows[i].end - 1)}
                      : Range{part[i].begin, part[i].begin};
    }
  }

  template <int kWhich>
  const T* TapRow(int64_t i0, int64_t i1) const {
    const Layout& in = region_.in;
    return tensors_.tap_in[kWhich] + lanes_.in + i0 * in.step[0] + i1 * in.step[1];
  }
  int64_t TapStep() const { return region_.in.step[2]; }
  // Fetches a position that follows `tap` in its row, for this vector and the vectors after it:
  // read one by one, their lines would be too far apart. Reaching past the end is harmless.
  HWY_INLINE void PrefetchTap(const T* tap) const {
    constexpr int64_t kPositionsAhead = 8, kLine = 64 / sizeof(T);
    const uintptr_t ahead =
        reinterpret_cast<uintptr_t>(tap) + kPositionsAhead * TapStep() * sizeof(T);
    for (int64_t c = 0; c < prefetched_; c += kLine) {
      hwy::Prefetch(reinterpret_cast<const uint8_t*>(ahead + c * sizeof(T)));
    }
  }

  template <int kWhich>
  const T* WindowRow(int64_t o0, int64_t o1) const {
    return tensors_.window_in[kWhich] + WindowOffset({o0, o1, 0});
  }
  template <int kWhich>
  T* WindowOutRow(int64_t o0, int64_t o1) const {
    return tensors_.window_out[kWhich] + WindowOffset({o0, o1, 0});
  }
  int64_t WindowStep() const { return region_.out.step[2]; }
  template <int kWhich>
  T* GradientRow(int64_t i0, int64_t i1) const {
    const Layout& to = region_.target;
    return tensors_.tap_out[kWhich] + lanes_.target + i0 * to.step[0] + i1 * to.step[1];
  }
  int64_t GradientStep() const { return region_.target.step[2]; }

  // Pools one window by itself, in some of its lanes. Values are stored, and gradients are added to
  // `sums`: for each gradient a vector for each position of `part`.
  HWY_NOINLINE void RunAlone(Math& math, const Position& o, M<D> lanes, C* const* sums) const {
    constexpr Sink kSink = Math::kTapOutputs > 0 ? Sink::kAdd : Sink::kStore;
    using W = Window<Math, T, MaskedLanes<D, kColumns>, kSink, 0>;
    TapBox box;
    ConsecutiveLanes<D, kColumns> at = lanes_;
    at.out = WindowOffset(o);
    at.target = 0;
    box.step = region_.in.step;
    const int64_t step = static_cast<int64_t>(hn::Lanes(D()));
    box.target_step = {part[1].Size() * part[2].Size() * step, part[2].Size() * step, step};
    for (int i = 0; i < kAxes; ++i) {
      const int64_t begin = g.axis[i].Begin(o[i]);
      box.SetAxis(i, g.axis[i], o[i], part[i]);
      at.in += begin * box.step[i];
      at.target += (begin - part[i].begin) * box.target_step[i];
    }
    // The lanes that a neighbouring vector also has are not added anywhere else.
    at.skip = 0;
    if constexpr (kSink == Sink::kAdd) {
      math.Run(W{tensors_, sums, box, nullptr, MaskedLanes<D, kColumns>(at, lanes), true});
    } else {
      math.Run(W{tensors_, nullptr, box, nullptr, MaskedLanes<D, kColumns>(at, lanes), true});
    }
  }

 private:
  int64_t WindowOffset(const Position& o) const {
    const std::array<int64_t, kAxes>& step = region_.out.step;
    return lanes_.out + o[0] * step[0] + o[1] * step[1] + o[2] * step[2];
  }

  const Region& region_;
  const Tensors<T, Math>& tensors_;
  const ConsecutiveLanes<D, kColumns> lanes_;
  const int64_t prefetched_;
};

// Pools the windows of a region's images and channels, one vector of lanes after another.
template <bool kColumns, class Math, class T>
void VisitBlock(Math& math, const PoolGeometry& g, const Region& region,
                const Tensors<T, Math>& tensors, const Ranges& windows) {
  using D = hn::ScalableTag<ComputeType<T>>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(D()));
  const auto run = [&](int64_t in, int64_t out, int64_t target, int64_t channel,
                       int64_t prefetched) HWY_ATTR {
    const ConsecutiveLanes<D, kColumns> at{in, out, target, channel, 0, region.columns};
    math.RunBlock(Block<Math, T, kColumns>(g, region, tensors, windows, at, prefetched));
  };
  const Layout &in = region.in, &out = region.out, &target = region.target;
  if (region.columns != nullptr) {
    for (int64_t c = 0; c < region.columns->count; c += lanes) {
      run(in.first + c, out.first + c, target.first + c, c, 0);
    }
    return;
  }
  for (int64_t n = region.images.begin; n < region.images.end; ++n) {
    for (int64_t c = region.channels.begin; c < region.channels.end; c += lanes) {
      // The last vector ends with the last channel.
      const int64_t first = std::min(c, region.channels.end - lanes);
      run(in.first + n * in.image + first, out.first + n * out.image + first,
          target.first + n * target.image + first, first,
          c == region.channels.begin ? region.channels.Size() : 0);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
