// The walks over all windows of a tensor, on many threads. A pooling calls Pool() with its
// mathematics and its tensors; nothing else here is its business.
#if defined(TF_SOFTPOOL_KERNELS_WALK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_WALK_INL_H_
#undef TF_SOFTPOOL_KERNELS_WALK_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_WALK_INL_H_
#endif

#include <hwy/aligned_allocator.h>
#include <hwy/highway.h>

#include "kernels/float_env.h"
#include "kernels/parallel.h"
#include "kernels/partition.h"
#include "kernels/segment-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// Where windows are visited from: the images and channels, and the part of the input whose
// gradients are wanted, with the memory that these go to.
struct Scope {
  const PoolGeometry& geometry;
  Range images;
  Range channels;
  std::array<Range, kAxes> part;  // of the input's positions
  // Steps of the gradients' memory along the axes, and the distance between its images.
  std::array<int64_t, kAxes> target_step;
  int64_t target_image = 0;
  int64_t target_first = 0;  // the place of image 0, position 0, channel 0, were it in the memory
};

// Fills in what the windows at `o` along `axis` have in common there.
inline void SetAxis(const Scope& scope, int axis, int64_t o, Segment* s) {
  const PoolAxis& a = scope.geometry.axis[axis];
  const int64_t begin = a.Begin(o);
  s->box.count[axis] = a.End(o) - begin;
  s->box.wanted_begin[axis] = HWY_MAX(scope.part[axis].begin - begin, 0);
  s->home = s->home && begin >= scope.part[axis].begin && begin < scope.part[axis].end;
  s->box.wanted_end[axis] = HWY_MIN(scope.part[axis].end - begin, s->box.count[axis]);
  s->in += begin * s->box.step[axis];
  s->target += begin * s->box.target_step[axis];
}

// Visits the windows at (o0, o1, last) for all `last` of the range, in order.
template <Sink kSink, class Math, class T, class Target>
void VisitRow(Math& math, const Tensors<T, Math>& tensors, Target* const* targets,
              const Scope& scope, int64_t o0, int64_t o1, Range last) {
  const PoolGeometry& g = scope.geometry;
  Segment row;
  const int64_t image = g.InputPositions() * g.inner;
  const int64_t out_image = g.OutputPositions() * g.inner;
  row.images = {scope.images.Size(), image, out_image, scope.target_image};
  row.channels = scope.channels.Size();
  row.channel = {scope.channels.begin, scope.images.begin, g.outer_channels};
  row.in = scope.images.begin * image + scope.channels.begin;
  row.target = scope.target_first + scope.images.begin * scope.target_image + scope.channels.begin;
  row.box.step = g.InputSteps();
  row.box.target_step = scope.target_step;
  SetAxis(scope, 0, o0, &row);
  SetAxis(scope, 1, o1, &row);
  const PoolAxis& a = g.axis[2];
  const int64_t most = HWY_MAX(Math::kMostWindows / scope.images.Size(), 1);
  // With channels first, images are channels.
  const Range channels = g.outer_channels == 1 ? scope.channels : Range{0, g.Channels()};
  // Windows that neither the border nor the part's bounds cut are one segment, the others one each.
  const Range whole = UncutWindows(a, scope.part[2], last);
  for (int64_t o = last.begin; o < last.end;) {
    Segment s = row;
    SetAxis(scope, 2, o, &s);
    const bool uncut = o >= whole.begin && o < whole.end;
    s.windows = {uncut ? std::min(whole.end - o, most) : 1, a.stride * row.box.step[2], g.inner,
                 a.stride * row.box.target_step[2]};
    s.out = scope.images.begin * out_image + scope.channels.begin +
            ((o0 * g.axis[1].out + o1) * a.out + o) * g.inner;
    RunSegment<kSink>(math, tensors, targets, s);
    if (s.home) math.EndWindows(s.windows.count * s.images.count, channels);
    o += s.windows.count;
  }
}

// Visits all units on many threads. Each thread has a copy of the mathematics of its own, which may
// keep memory and sums in it, and what `make_visit()` returns, which is called with it and a unit.
template <class Math, class MakeVisit>
void VisitUnits(const Math& math, int64_t units, int64_t cycles_per_unit,
                const ParallelFor& parallel, const MakeVisit& make_visit) {
  const Blocks blocks(units, math.MostBlocks(units));
  const auto shard = [&](int64_t begin, int64_t end) HWY_ATTR {
    const ScopedSubnormals subnormals;
    Math own = math;
    const auto visit = make_visit();
    for (int64_t b = begin; b < end; ++b) {
      const Range block = blocks.At(b);
      own.BeginBlock();
      for (int64_t unit = block.begin; unit < block.end; ++unit) visit(own, unit);
      own.EndBlock(b);
    }
  };
  parallel(blocks.Count(), blocks.LargestBlock() * cycles_per_unit, shard);
}

// Every window once. Gradients, if any, are stored where the inputs lie.
template <class Math, class T>
void VisitWindows(const Math& math, const PoolGeometry& g, const Tensors<T, Math>& tensors,
                  const ParallelFor& parallel) {
  const WindowPartition parts(g);
  const auto visit = [&](Math& own, int64_t unit) HWY_ATTR {
    const WindowPartition::Unit u = parts.At(unit);
    Scope scope{g, u.images, u.channels, {}, {}, 0, 0};
    for (int i = 0; i < kAxes; ++i) scope.part[i] = {0, g.axis[i].in};
    scope.target_step = g.InputSteps();
    scope.target_image = g.InputPositions() * g.inner;
    VisitRow<Sink::kStore>(own, tensors, tensors.tap_out.data(), scope, u.o0, u.o1, u.last);
  };
  VisitUnits(math, parts.Count(), parts.OutputsPerUnit() * g.LargestWindow() * Math::kCyclesPerTap,
             parallel, [&] { return visit; });
}

// Zero where no window reaches.
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

// Rounds a tile's sums into the gradient's tensor.
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

// One tile of the input: every window that reaches into it, in order, adds its gradients to `sums`,
// which are then rounded and stored. Neighbouring tiles visit the windows they share once each; one
// of them is a window's home, and what there is one of a window is done there.
template <class Math, class T>
void VisitTile(Math& math, const PoolGeometry& g, const Tensors<T, Math>& tensors,
               const TilePartition::Tile& tile, ComputeType<T>* sums) {
  using C = ComputeType<T>;
  Scope scope{g, tile.images, tile.channels, tile.part, {}, 0, 0};
  const int64_t channels = tile.channels.Size();
  scope.target_step[2] = channels;
  scope.target_step[1] = tile.part[2].Size() * channels;
  scope.target_step[0] = tile.part[1].Size() * scope.target_step[1];
  scope.target_image = tile.part[0].Size() * scope.target_step[0];
  scope.target_first = -tile.images.begin * scope.target_image - tile.channels.begin;
  for (int i = 0; i < kAxes; ++i) {
    scope.target_first -= tile.part[i].begin * scope.target_step[i];
  }
  const int64_t size = tile.images.Size() * scope.target_image;
  C* targets[Math::kTapOutputs];
  for (int t = 0; t < Math::kTapOutputs; ++t) targets[t] = sums + t * size;
  std::fill(sums, sums + Math::kTapOutputs * size, C{0});

  std::array<Range, kAxes> windows;
  for (int i = 0; i < kAxes; ++i) windows[i] = WindowsReaching(g.axis[i], tile.part[i]);
  for (int64_t o0 = windows[0].begin; o0 < windows[0].end; ++o0) {
    for (int64_t o1 = windows[1].begin; o1 < windows[1].end; ++o1) {
      VisitRow<Sink::kAdd>(math, tensors, targets, scope, o0, o1, windows[2]);
    }
  }
  for (int t = 0; t < Math::kTapOutputs; ++t) StoreTile(g, tile, targets[t], tensors.tap_out[t]);
}

// Every input once, where windows share inputs.
template <class Math, class T>
void VisitTiles(const Math& math, const PoolGeometry& g, const Tensors<T, Math>& tensors,
                const ParallelFor& parallel) {
  using C = ComputeType<T>;
  const TilePartition parts(g, Math::kTapOutputs * sizeof(C));
  const int64_t size = Math::kTapOutputs * parts.LargestTile();
  VisitUnits(math, parts.Count(), parts.LargestTile() * g.LargestWindow() * Math::kCyclesPerTap,
             parallel, [&] {
               return [&, sums = hwy::AllocateAligned<C>(size)](Math& own, int64_t unit)
                          HWY_ATTR { VisitTile(own, g, tensors, parts.At(unit), sums.get()); };
             });
}

// Runs `math` over every window of the geometry.
template <class Math, class T>
void Pool(const Math& math, const PoolGeometry& g, const Tensors<T, Math>& tensors,
          const ParallelFor& parallel) {
  if constexpr (Math::kTapOutputs > 0) {
    if (g.Overlaps()) return VisitTiles(math, g, tensors, parallel);
    for (T* gradient : tensors.tap_out) ZeroGaps(g, gradient, parallel);
  }
  VisitWindows(math, g, tensors, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
