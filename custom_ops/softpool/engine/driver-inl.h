// The driver on a CPU. It visits all windows of a tensor, on many threads and vector by vector. A
// pooling calls RunPooling() with its mathematics and needs nothing else from this file.
#if defined(SOFTPOOL_ENGINE_DRIVER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_ENGINE_DRIVER_INL_H_
#undef SOFTPOOL_ENGINE_DRIVER_INL_H_
#else
#define SOFTPOOL_ENGINE_DRIVER_INL_H_
#endif

#include <hwy/aligned_allocator.h>
#include <hwy/highway.h>

#include <algorithm>
#include <new>

#include "softpool/engine/threads.h"
#include "softpool/engine/tiling.h"
#include "softpool/engine/window-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// The images and channels whose windows are visited, the part of the input whose gradients are
// wanted, and the memory that these gradients go to.
struct Region {
  Range images;
  Range channels;
  std::array<Range, kAxes> part;  // of the input's positions
  // In the gradients' memory: the steps along the axes, and the distance between images.
  std::array<int64_t, kAxes> target_step;
  int64_t target_image;
  int64_t target_first;  // the index of image 0, position 0, channel 0, even if outside

  // Returns the region of all positions. Gradients go where the inputs lie.
  static Region Everywhere(const PoolGeometry& g, Range images, Range channels) {
    return {images,
            channels,
            {Range{0, g.axis[0].in}, Range{0, g.axis[1].in}, Range{0, g.axis[2].in}},
            g.InputSteps(),
            g.InputPositions() * g.inner,
            0};
  }

  // Returns the region of one tile of the input. Gradients go to memory of the tile's size.
  static Region OfTile(const TilePartition::Tile& tile) {
    Region r{tile.images, tile.channels, tile.part, {}, 0, 0};
    r.target_step[2] = tile.channels.Size();
    r.target_step[1] = tile.part[2].Size() * r.target_step[2];
    r.target_step[0] = tile.part[1].Size() * r.target_step[1];
    r.target_image = tile.part[0].Size() * r.target_step[0];
    r.target_first = -tile.images.begin * r.target_image - tile.channels.begin;
    for (int i = 0; i < kAxes; ++i) r.target_first -= tile.part[i].begin * r.target_step[i];
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
template <class Math, class T, Sink kSink>
class RegionVisitor {
 public:
  using Target = std::conditional_t<kSink == Sink::kAdd, ComputeType<T>, T>;

  RegionVisitor(Math& math, const PoolGeometry& g, const Tensors<T, Math>& tensors,
                const Region& region, Target* const* targets)
      : math_(math), g_(g), tensors_(tensors), region_(region), targets_(targets) {}

  // Visits the windows at (o0, o1, o2) for all o2 in `last`, in order.
  void VisitRow(int64_t o0, int64_t o1, Range last) {
    const WindowRun row = Row(o0, o1);
    const PoolAxis& a = g_.axis[2];
    const int64_t most = HWY_MAX(Math::kMostWindows / region_.images.Size(), 1);
    // With channels first, images are channels, and the region may have images of any channel.
    const Range channels = g_.outer_channels == 1 ? region_.channels : Range{0, g_.Channels()};
    // Windows that neither the border nor the part's bounds cut form runs. Each other window is a
    // run of its own.
    const Range whole = UncutWindows(a, region_.part[2], last);
    for (int64_t o = last.begin; o < last.end;) {
      run_ = row;
      SetAxis(2, o, &run_);
      const bool uncut = o >= whole.begin && o < whole.end;
      run_.windows = {uncut ? std::min(whole.end - o, most) : 1, a.stride * row.box.step[2],
                      g_.inner, a.stride * row.box.target_step[2]};
      run_.out += o * g_.inner;
      Run();
      if (run_.owned) math_.EndWindows(run_.windows.count * run_.images.count, channels);
      o += run_.windows.count;
    }
  }

 private:
  // The most taps of unrolled windows if lanes are scattered. For larger windows, gathering the
  // lanes costs more than unrolling saves.
  static constexpr int kUnrolledScattered = 4;

  // Returns what the windows of a row have in common.
  WindowRun Row(int64_t o0, int64_t o1) const {
    const int64_t image = g_.InputPositions() * g_.inner;
    const int64_t out_image = g_.OutputPositions() * g_.inner;
    WindowRun row;
    row.images = {region_.images.Size(), image, out_image, region_.target_image};
    row.channels = region_.channels.Size();
    row.first_channel = region_.channels.begin;
    row.first_image = region_.images.begin;
    row.channels_per_image = g_.outer_channels;
    row.in = region_.images.begin * image + region_.channels.begin;
    row.out = region_.images.begin * out_image + region_.channels.begin +
              (o0 * g_.axis[1].out + o1) * g_.axis[2].out * g_.inner;
    row.target =
        region_.target_first + region_.images.begin * region_.target_image + region_.channels.begin;
    row.box.step = g_.InputSteps();
    row.box.target_step = region_.target_step;
    SetAxis(0, o0, &row);
    SetAxis(1, o1, &row);
    return row;
  }

  // Fills in what all windows at `o` along `axis` have in common.
  void SetAxis(int axis, int64_t o, WindowRun* run) const {
    const PoolAxis& a = g_.axis[axis];
    const Range part = region_.part[axis];
    const int64_t begin = a.Begin(o);
    run->box.count[axis] = a.End(o) - begin;
    run->box.wanted_begin[axis] = HWY_MAX(part.begin - begin, 0);
    run->box.wanted_end[axis] = HWY_MIN(part.end - begin, run->box.count[axis]);
    // The tile that has a window's first input owns the window.
    run->owned = run->owned && begin >= part.begin && begin < part.end;
    run->in += begin * run->box.step[axis];
    run->target += begin * run->box.target_step[axis];
  }

  // Unrolls windows of the sizes that people use.
  HWY_INLINE void Run() {
    const hn::ScalableTag<ComputeType<T>> d;
    const bool scattered =
        run_.channels < static_cast<int64_t>(hn::Lanes(d)) || run_.images.count > 1;
    const int64_t taps = run_.box.Total();
    const bool unrolled = !scattered || taps <= kUnrolledScattered;
    switch (unrolled ? taps : 0) {
      case 2:
        return RunTaps<2>(scattered);
      case 3:
        return RunTaps<3>(scattered);
      case 4:
        return RunTaps<4>(scattered);
      case 8:
        return RunTaps<8>(scattered);
      case 9:
        return RunTaps<9>(scattered);
      default:
        return RunTaps<0>(scattered);
    }
  }

  template <int kTaps>
  HWY_NOINLINE void RunTaps(bool scattered) {
    Tap taps[kTaps > 0 ? kTaps : 1];
    if (kTaps > 0) run_.box.ForEach([&](int64_t i, const Tap& tap) { taps[i] = tap; });
    if (!scattered) {
      RunConsecutive<kTaps>(taps);
    } else if constexpr (kTaps <= kUnrolledScattered) {
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

  // Fills vectors with channels. The last vector of a window ends with the window's last channel,
  // so it may repeat some channels of the vector before.
  template <int kTaps>
  HWY_INLINE void RunConsecutive(const Tap* taps) {
    const hn::ScalableTag<ComputeType<T>> d;
    const WindowRun& run = run_;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    const int64_t channel = run.Channel(0, 0);
    for (int64_t i = 0; i < run.windows.count; ++i) {
      for (int64_t c = 0; c < run.channels; c += lanes) {
        const int64_t first = HWY_MIN(c, run.channels - lanes);
        const ConsecutiveLanes<decltype(d)> at{run.in + i * run.windows.in + first,
                                               run.out + i * run.windows.out + first,
                                               run.target + i * run.windows.target + first,
                                               channel + first, static_cast<size_t>(c - first)};
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
  const Tensors<T, Math>& tensors_;
  const Region& region_;
  Target* const* targets_;
  WindowRun run_;
};

// Sets the gradient to zero where no window reaches.
template <class T>
void ZeroGaps(const PoolGeometry& g, T* gradient, const ParallelFor& parallel) {
  if (!g.HasGaps()) return;
  const int64_t row = g.axis[2].in * g.inner;
  const int64_t rows = g.outer * g.axis[0].in * g.axis[1].in;
  parallel(rows, g.axis[2].in, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      T* p = gradient + r * row;
      const int64_t i1 = r % g.axis[1].in, i0 = r / g.axis[1].in % g.axis[0].in;
      if (!g.axis[0].Covers(i0) || !g.axis[1].Covers(i1)) {
        std::fill(p, p + row, T{});
        continue;
      }
      for (int64_t i = 0; i < g.axis[2].in; ++i) {
        if (!g.axis[2].Covers(i)) std::fill(p + i * g.inner, p + (i + 1) * g.inner, T{});
      }
    }
  });
}

// Rounds a tile's sums and stores them in the gradient's tensor.
template <class T>
void StoreTile(const PoolGeometry& g, const TilePartition::Tile& tile, const ComputeType<T>* sums,
               T* gradient) {
  for (int64_t n = tile.images.begin; n < tile.images.end; ++n) {
    for (int64_t i0 = tile.part[0].begin; i0 < tile.part[0].end; ++i0) {
      for (int64_t i1 = tile.part[1].begin; i1 < tile.part[1].end; ++i1) {
        for (int64_t i2 = tile.part[2].begin; i2 < tile.part[2].end; ++i2) {
          const int64_t position =
              ((n * g.axis[0].in + i0) * g.axis[1].in + i1) * g.axis[2].in + i2;
          StoreRow(sums, gradient + position * g.inner + tile.channels.begin, tile.channels.Size());
          sums += tile.channels.Size();
        }
      }
    }
  }
}

// Runs mathematics over every window of a geometry.
template <class Math, class T>
class Driver {
 public:
  Driver(const Math& math, const PoolGeometry& g, const Tensors<T, Math>& tensors,
         const ParallelFor& parallel)
      : math_(math), g_(g), tensors_(tensors), parallel_(parallel) {}

  void Run() const {
    if constexpr (Math::kTapOutputs > 0) {
      if (g_.Overlaps()) return VisitTiles();
      for (T* gradient : tensors_.tap_out) ZeroGaps(g_, gradient, parallel_);
    }
    VisitWindows();
  }

 private:
  using C = ComputeType<T>;

  // Visits every window once. Gradients, if there are any, are stored where the inputs lie.
  void VisitWindows() const {
    const WindowPartition parts(g_);
    const auto visit = [&](Math& own, int64_t unit) HWY_ATTR {
      const WindowPartition::Unit u = parts.At(unit);
      const Region region = Region::Everywhere(g_, u.images, u.channels);
      RegionVisitor<Math, T, Sink::kStore> visitor(own, g_, tensors_, region,
                                                   tensors_.tap_out.data());
      visitor.VisitRow(u.o0, u.o1, u.last);
    };
    VisitUnits(parts.Count(), parts.OutputsPerUnit(), [&] { return visit; });
  }

  // Visits every input once, for windows that share inputs.
  void VisitTiles() const {
    const TilePartition parts(g_, Math::kTapOutputs * sizeof(C));
    const int64_t size = Math::kTapOutputs * parts.LargestTile();
    VisitUnits(parts.Count(), parts.LargestTile(), [&] {
      return [&, sums = hwy::AllocateAligned<C>(size)](Math& own, int64_t unit) HWY_ATTR {
        if (sums == nullptr) throw std::bad_alloc();
        VisitTile(own, parts.At(unit), sums.get());
      };
    });
  }

  // Visits one tile of the input. Every window that reaches into the tile, in order, adds its
  // gradients to `sums`, which are then rounded and stored. Neighbouring tiles each visit the
  // windows that they share. One of these tiles owns the window, and only that tile's visit stores
  // the window's own results, such as the gradient of its guide.
  void VisitTile(Math& own, const TilePartition::Tile& tile, C* sums) const {
    const Region region = Region::OfTile(tile);
    const int64_t size = tile.images.Size() * region.target_image;
    C* targets[Math::kTapOutputs];
    for (int t = 0; t < Math::kTapOutputs; ++t) targets[t] = sums + t * size;
    std::fill(sums, sums + Math::kTapOutputs * size, C{0});

    RegionVisitor<Math, T, Sink::kAdd> visitor(own, g_, tensors_, region, targets);
    std::array<Range, kAxes> windows;
    for (int i = 0; i < kAxes; ++i) windows[i] = WindowsReaching(g_.axis[i], tile.part[i]);
    for (int64_t o0 = windows[0].begin; o0 < windows[0].end; ++o0) {
      for (int64_t o1 = windows[1].begin; o1 < windows[1].end; ++o1) {
        visitor.VisitRow(o0, o1, windows[2]);
      }
    }
    for (int t = 0; t < Math::kTapOutputs; ++t) {
      StoreTile(g_, tile, targets[t], tensors_.tap_out[t]);
    }
  }

  // Visits all units on many threads. Each unit has `windows` windows or inputs. Each thread has
  // its own copy of the mathematics, which may keep memory and sums, and its own function from
  // `make_visit()`, which is called with this copy and a unit.
  template <class MakeVisit>
  void VisitUnits(int64_t units, int64_t windows, const MakeVisit& make_visit) const {
    const Blocks blocks(units, math_.MostBlocks(units));
    const auto shard = [&](int64_t begin, int64_t end) HWY_ATTR {
      const ScopedSubnormals subnormals;
      Math own = math_;
      const auto visit = make_visit();
      for (int64_t b = begin; b < end; ++b) {
        const Range block = blocks.At(b);
        own.BeginBlock();
        for (int64_t unit = block.begin; unit < block.end; ++unit) visit(own, unit);
        own.EndBlock(b);
      }
    };
    const int64_t cycles = windows * g_.LargestWindow() * Math::kCyclesPerTap;
    parallel_(blocks.Count(), blocks.LargestBlock() * cycles, shard);
  }

  const Math& math_;
  const PoolGeometry& g_;
  const Tensors<T, Math>& tensors_;
  const ParallelFor& parallel_;
};

// Runs Math<C>, made from the call, over all windows of a prepared call. C is the type that the
// call's values are computed in.
template <template <class> class Math>
void RunPooling(const Call& call, const ParallelFor& parallel) {
  const ScopedSubnormals subnormals;
  WithType(call.Type(), [&](auto value) {
    using T = decltype(value);
    using M = Math<ComputeType<T>>;
    const M math(call);
    const Tensors<T, M> tensors = TensorsOf<T, M>(call);
    Driver<M, T>(math, call.geometry, tensors, parallel).Run();
    math.Finish(call);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard

// Makes a function the CPU kernel of an op. A pooling's file names itself as HWY_TARGET_INCLUDE,
// defines `Function(const Call&, const ParallelFor&)` for each target, and then uses this macro
// once.
#ifndef SOFTPOOL_REGISTER_CPU_KERNEL
#define SOFTPOOL_REGISTER_CPU_KERNEL(op, Function)                              \
  HWY_EXPORT(Function);                                                         \
  [[maybe_unused]] static const bool Function##_is_registered = RegisterKernel( \
      op, +[](const Call& call, const ParallelFor& parallel) {                  \
        HWY_DYNAMIC_DISPATCH(Function)(call, parallel);                         \
      })
#endif
