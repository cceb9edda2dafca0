// A visitor of the windows of a region: it takes them apart into runs, and fills vectors with them.
#if defined(SOFTPOOL_ENGINE_REGION_VISITOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_ENGINE_REGION_VISITOR_INL_H_
#undef SOFTPOOL_ENGINE_REGION_VISITOR_INL_H_
#else
#define SOFTPOOL_ENGINE_REGION_VISITOR_INL_H_
#endif

#include <algorithm>
#include <array>
#include <type_traits>

#include "softpool/engine/draws-inl.h"
#include "softpool/engine/pack-inl.h"
#include "softpool/engine/tiling.h"
#include "softpool/engine/window-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// Where a tensor's elements lie in memory.
struct Layout {
  int64_t first = 0;                  // image 0, position 0, channel 0, even if outside
  int64_t image = 0;                  // the distance between images
  std::array<int64_t, kAxes> step{};  // between neighbours along the axes

  // Returns the layout of a whole tensor [outer, lengths, inner].
  static Layout Whole(const std::array<int64_t, kAxes>& length, int64_t inner) {
    const std::array<int64_t, kAxes> step{length[1] * length[2] * inner, length[2] * inner, inner};
    return {0, length[0] * step[0], step};
  }
  static Layout Packed(const PackedBox& box) { return {box.First(), 0, box.Steps()}; }
};

inline std::array<int64_t, kAxes> InputLengths(const PoolGeometry& g) {
  return {g.axis[0].in, g.axis[1].in, g.axis[2].in};
}
inline std::array<int64_t, kAxes> OutputLengths(const PoolGeometry& g) {
  return {g.axis[0].out, g.axis[1].out, g.axis[2].out};
}

// The images and channels whose windows are visited, the part of the input whose gradients are
// wanted, and where inputs, outputs and gradients lie. If they are packed, `columns` says what the
// columns are, and the layouts have no images.
struct Region {
  Range images;
  Range channels;
  std::array<Range, kAxes> part;  // of the input's positions
  Layout in, out, target;
  const PackedColumns* columns = nullptr;

  // Returns the region of all positions. Gradients go where the inputs lie.
  static Region Everywhere(const PoolGeometry& g, Range images, Range channels) {
    const Layout in = Layout::Whole(InputLengths(g), g.inner);
    const Layout out = Layout::Whole(OutputLengths(g), g.inner);
    return {
        images, channels, {Range{0, g.axis[0].in}, Range{0, g.axis[1].in}, Range{0, g.axis[2].in}},
        in,     out,      in};
  }

  // Returns the region of one tile of the input. Gradients go to memory of the tile's size.
  static Region OfTile(const PoolGeometry& g, const TilePartition::Tile& tile) {
    Region r = Everywhere(g, tile.images, tile.channels);
    r.part = tile.part;
    const std::array<int64_t, kAxes> size{tile.part[0].Size(), tile.part[1].Size(),
                                          tile.part[2].Size()};
    r.target = Layout::Whole(size, tile.channels.Size());
    r.target.first = -tile.images.begin * r.target.image - tile.channels.begin;
    for (int i = 0; i < kAxes; ++i) r.target.first -= tile.part[i].begin * r.target.step[i];
    return r;
  }
};

// Windows that follow each other along the last axis and have the same taps.
struct WindowRun {
  // A number of things, and their distance in the inputs, the outputs and the gradients.
  struct Stride {
    int64_t count = 1;
    int64_t in = 0, out = 0, target = 0;
  };

  TapBox box;
  int64_t in = 0, out = 0, target = 0;  // indices of the first window's first tap and value
  Stride images;                        // more than one only if lanes are scattered
  const PackedColumns* columns = nullptr;
  Stride windows;
  int64_t channels = 1;
  // The channel and the image that the run begins with. With channels first, images are channels.
  int64_t first_channel = 0, first_image = 0, channels_per_image = 1;
  bool owned = true;  // whether this visit owns the windows: if not, another tile's does

  int64_t Channel(int64_t image, int64_t c) const {
    return first_channel + (first_image + image) % channels_per_image + c;
  }
};

// A visitor of the windows of a region, with one thread's copy of the mathematics.
// kColumns says whether lanes look up their channels in the region's columns.
template <class Math, class T, Sink kSink, bool kColumns>
class RegionVisitor {
 public:
  using Target = std::conditional_t<kSink == Sink::kAdd, ComputeType<T>, T>;

  RegionVisitor(Math& math, const PoolGeometry& g, const Tensors<T, Math>& tensors,
                const Region& region, Target* const* targets)
      : math_(math), g_(g), tensors_(tensors), region_(region), targets_(targets) {}

  // Visits the windows at (o0, o1, o2) for all o2 in `last`, in order.
  void VisitRow(int64_t o0, int64_t o1, Range last) {
    // Packed tensors come with their draws.
    if (Math::kDraws && region_.columns == nullptr) return VisitRowOfImages(o0, o1, last);
    VisitWindowsOfRow(o0, o1, last);
  }

 private:
  // The most taps of unrolled windows if lanes are scattered. For larger windows, gathering the
  // lanes costs more than unrolling saves.
  static constexpr int kUnrolledScattered = 4;

  // Visits one image after the other, because each needs its own draws.
  void VisitRowOfImages(int64_t o0, int64_t o1, Range last) {
    const Range images = region_.images;
    for (int64_t n = images.begin; n < images.end; ++n) {
      region_.images = {n, n + 1};
      tensors_.draws = draws_.OfRow(tensors_.seed, g_, n, {o0, o1}, last, region_.channels);
      VisitWindowsOfRow(o0, o1, last);
    }
    region_.images = images;
  }

  void VisitWindowsOfRow(int64_t o0, int64_t o1, Range last) {
    const WindowRun row = Row(o0, o1);
    const PoolAxis& a = g_.axis[2];
    const int64_t most = HWY_MAX(Math::kMostWindows / region_.images.Size(), 1);
    const Range channels = Channels();
    // Windows that neither the border nor the part's bounds cut form runs. Each other window is a
    // run of its own.
    const Range whole = UncutWindows(a, region_.part[2], last);
    for (int64_t o = last.begin; o < last.end;) {
      run_ = row;
      SetAxis(2, o, &run_);
      const bool uncut = o >= whole.begin && o < whole.end;
      run_.windows = {uncut ? std::min(whole.end - o, most) : 1, a.stride * row.box.step[2],
                      region_.out.step[2], a.stride * row.box.target_step[2]};
      run_.out += o * region_.out.step[2];
      Run();
      if (run_.owned) math_.EndWindows(run_.windows.count * region_.images.Size(), channels);
      o += run_.windows.count;
    }
  }

  // Returns a range that has the region's channels.
  Range Channels() const {
    if (region_.columns != nullptr) return region_.columns->channels;
    // With channels first, images are channels, and the region may have images of any channel.
    return g_.outer_channels == 1 ? region_.channels : Range{0, g_.Channels()};
  }

  // Returns what the windows of a row have in common.
  WindowRun Row(int64_t o0, int64_t o1) const {
    const Layout &in = region_.in, &out = region_.out, &target = region_.target;
    WindowRun row;
    row.columns = region_.columns;
    row.first_channel = region_.channels.begin;
    row.first_image = region_.images.begin;
    row.channels_per_image = g_.outer_channels;
    row.in = in.first;
    row.out = out.first + o0 * out.step[0] + o1 * out.step[1];
    row.target = target.first;
    if (row.columns != nullptr) {
      row.channels = row.columns->count;
    } else {
      row.images = {region_.images.Size(), in.image, out.image, target.image};
      row.channels = region_.channels.Size();
      row.in += region_.images.begin * in.image + region_.channels.begin;
      row.out += region_.images.begin * out.image + region_.channels.begin;
      row.target += region_.images.begin * target.image + region_.channels.begin;
    }
    row.box.step = in.step;
    row.box.target_step = target.step;
    SetAxis(0, o0, &row);
    SetAxis(1, o1, &row);
    return row;
  }

  // Fills in what all windows at `o` along `axis` have in common.
  void SetAxis(int axis, int64_t o, WindowRun* run) const {
    const PoolAxis& a = g_.axis[axis];
    const Range part = region_.part[axis];
    const int64_t begin = a.Begin(o);
    run->box.SetAxis(axis, a, o, part);
    // The tile that has a window's first input owns the window.
    run->owned = run->owned && begin >= part.begin && begin < part.end;
    run->in += begin * run->box.step[axis];
    run->target += begin * run->box.target_step[axis];
  }

  // Unrolls windows of the sizes that people use.
  HWY_INLINE void Run() {
    const hn::ScalableTag<ComputeType<T>> d;
    const bool scattered =
        run_.columns == nullptr &&
        (run_.channels < static_cast<int64_t>(hn::Lanes(d)) || run_.images.count > 1);
    const int64_t taps = run_.box.Total();
    const bool unrolled = !scattered || taps <= kUnrolledScattered;
    switch (unrolled ? taps : 0) {
      case 4:
        return RunTaps<4>(scattered);
      case 9:
        return RunTaps<9>(scattered);
      default:
        break;
    }
    if constexpr (!Math::kFewSizes) {
      switch (unrolled ? taps : 0) {
        case 2:
          return RunTaps<2>(scattered);
        case 3:
          return RunTaps<3>(scattered);
        case 8:
          return RunTaps<8>(scattered);
        default:
          break;
      }
    }
    RunTaps<0>(scattered);
  }

  template <int kTaps>
  HWY_NOINLINE void RunTaps(bool scattered) {
    Tap taps[kTaps > 0 ? kTaps : 1];
    if (kTaps > 0) run_.box.ForEach([&](int64_t i, const Tap& tap) { taps[i] = tap; });
    if (!scattered) {
      RunConsecutive<kTaps>(taps);
    } else if constexpr (kTaps <= kUnrolledScattered && !kColumns) {
      RunScattered<kTaps>(taps);
    }
  }

  template <int kTaps, class Lanes>
  HWY_INLINE void RunLanes(const Tap* taps, const Lanes& lanes) {
    using W = Window<Math, T, Lanes, kSink, kTaps>;
    static_assert(KeepsContract<W>());
    const W window{tensors_, targets_, run_.box, taps, lanes, run_.owned};
    math_.Run(window);
  }

  // Fills vectors with channels or with packed columns. The last vector of a window ends with the
  // window's last channel, so it may repeat some channels of the vector before. Columns are
  // repeated until the last vector is full.
  template <int kTaps>
  HWY_INLINE void RunConsecutive(const Tap* taps) {
    const hn::ScalableTag<ComputeType<T>> d;
    const WindowRun& run = run_;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    const int64_t last = run.columns != nullptr ? run.channels : run.channels - lanes;
    // Consecutive columns are like channels, and no channel is looked up.
    const PackedColumns* columns = run.columns;
    int64_t channel = columns != nullptr ? 0 : run.Channel(0, 0);
    if (columns != nullptr && columns->consecutive) {
      channel = columns->channel[0];
      columns = nullptr;
    }
    for (int64_t i = 0; i < run.windows.count; ++i) {
      for (int64_t c = 0; c < run.channels; c += lanes) {
        const int64_t first = HWY_MIN(c, last);
        const ConsecutiveLanes<decltype(d), kColumns> at{
            run.in + i * run.windows.in + first,
            run.out + i * run.windows.out + first,
            run.target + i * run.windows.target + first,
            channel + first,
            static_cast<size_t>(c - first),
            columns};
        RunLanes<kTaps>(taps, at);
      }
    }
  }

  // Fills vectors with windows, images and channels together. If gradients are added up, no vector
  // holds two windows that could share an input.
  template <int kTaps>
  HWY_INLINE void RunScattered(const Tap* taps) {
    const hn::ScalableTag<ComputeType<T>> d;
    const WindowRun& run = run_;
    ScatteredLanes<decltype(d)> at;
    const auto flush = [&]() HWY_ATTR {
      if (at.count == 0) return;
      at.RepeatFirst(d);
      RunLanes<kTaps>(taps, at);
      at.count = 0;
    };
    for (int64_t i = 0; i < run.windows.count; ++i) {
      for (int64_t n = 0; n < run.images.count; ++n) {
        for (int64_t c = 0; c < run.channels; ++c) {
          at.in[at.count] = run.in + i * run.windows.in + n * run.images.in + c;
          at.out[at.count] = run.out + i * run.windows.out + n * run.images.out + c;
          at.target[at.count] = run.target + i * run.windows.target + n * run.images.target + c;
          if constexpr (Math::kUsesChannels) at.channel[at.count] = run.Channel(n, c);
          if (++at.count == hn::Lanes(d)) flush();
        }
      }
      if (kSink == Sink::kAdd) flush();
    }
    flush();
  }

  Math& math_;
  const PoolGeometry& g_;
  Tensors<T, Math> tensors_;
  Region region_;
  Target* const* targets_;
  WindowRun run_;
  Draws<ComputeType<T>> draws_;
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
