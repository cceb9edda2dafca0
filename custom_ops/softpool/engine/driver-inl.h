// The driver on a CPU. It visits all windows of a tensor, on many threads and vector by vector. A
// pooling calls RunPooling() with its mathematics and needs nothing else from this file.
#if defined(SOFTPOOL_ENGINE_DRIVER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_ENGINE_DRIVER_INL_H_
#undef SOFTPOOL_ENGINE_DRIVER_INL_H_
#else
#define SOFTPOOL_ENGINE_DRIVER_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>

#include "softpool/engine/block-inl.h"
#include "softpool/engine/packed_tensors-inl.h"
#include "softpool/engine/region_visitor-inl.h"
#include "softpool/engine/scratch.h"
#include "softpool/engine/threads.h"
#include "softpool/engine/tiling.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

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
    if constexpr (Math::kPoolsBlocks) {
      if (BlockPartition::Suits(g_, kBlocksOf)) return VisitBlocks();
    }
    if constexpr (Math::kTapOutputs > 0) {
      if (g_.Overlaps()) return VisitTiles();
      for (T* gradient : tensors_.tap_out) ZeroGaps(g_, gradient, parallel_);
    }
    if (IsPacked(g_)) return VisitBoxes();
    VisitWindows();
  }

 private:
  using C = ComputeType<T>;
  static constexpr BlockPartition::Of kBlocksOf =
      Math::kTapOutputs > 0 ? BlockPartition::Of::kInputs : BlockPartition::Of::kWindows;

  // Visits every window once. Gradients, if there are any, are stored where the inputs lie.
  void VisitWindows() const {
    const WindowPartition parts(g_);
    struct Nothing {};
    const auto visit = [&](Math& own, Nothing*, int64_t unit) HWY_ATTR {
      const WindowPartition::Unit u = parts.At(unit);
      const Region region = Region::Everywhere(g_, u.images, u.channels);
      RegionVisitor<Math, T, Sink::kStore, false> visitor(own, g_, tensors_, region,
                                                          tensors_.tap_out.data());
      visitor.VisitRow(u.o0, u.o1, u.last);
    };
    VisitUnits<Nothing>(parts.Count(), parts.OutputsPerUnit(), visit);
  }

  // Visits every window once, with all tensors packed.
  void VisitBoxes() const {
    const BoxPartition parts(g_, (Math::kTapInputs + Math::kTapOutputs) * sizeof(T),
                             (Math::kWindowInputs + Math::kWindowOutputs) * sizeof(T));
    using Packed = PackedTensors<T, Math, Sink::kStore>;
    const auto visit = [&](Math& own, Packed* packed, int64_t unit) HWY_ATTR {
      const BoxPartition::Box box = parts.At(unit);
      const PackedColumns columns(g_, box.images);
      packed->Pack(tensors_, g_, columns, box.windows);
      Region region = packed->RegionOf(g_, columns);
      region.target = region.in;
      VisitPacked<Sink::kStore>(own, packed->tensors, region, packed->tensors.tap_out.data(),
                                box.windows);
      packed->Unpack(tensors_);
    };
    VisitUnits<Packed>(parts.Count(), parts.OutputsPerBox(), visit);
  }

  // Visits every input once, for windows that share inputs.
  void VisitTiles() const {
    const bool is_packed = IsPacked(g_);
    const int64_t of_inputs = (Math::kTapInputs + Math::kWindowInputs) * sizeof(T);
    const TilePartition parts(g_, Math::kTapOutputs * sizeof(C) + (is_packed ? of_inputs : 0));
    const int64_t size = Math::kTapOutputs * (is_packed ? parts.LargestPositions() * kPackedLanes
                                                        : parts.LargestTile());
    struct Memory {
      Scratch<C> sums;
      PackedTensors<T, Math, Sink::kAdd> packed;
    };
    const auto visit = [&](Math& own, Memory* memory, int64_t unit) HWY_ATTR {
      VisitTile(own, parts.At(unit), memory->sums.Reserve(size),
                is_packed ? &memory->packed : nullptr);
    };
    VisitUnits<Memory>(parts.Count(), parts.LargestTile(), visit);
  }

  // Visits blocks of windows, or of inputs whose gradients are wanted.
  void VisitBlocks() const {
    const BlockPartition parts(g_, kBlocksOf);
    struct Memory {
      Scratch<T> gradients;
      PackedTensors<T, Math, Sink::kAdd> packed;
    };
    const auto visit = [&](Math& own, Memory* memory, int64_t unit) HWY_ATTR {
      const BlockPartition::Block block = parts.At(unit);
      const std::array<Range, kAxes> windows = WindowsOf(block);
      if (IsPacked(g_)) {
        return VisitPackedBlock(own, block, windows, &memory->gradients, &memory->packed);
      }
      Region region = Region::Everywhere(g_, block.images, block.channels);
      if (Math::kTapOutputs > 0) region.part = block.part;
      VisitBlock<false>(own, g_, region, tensors_, windows);
    };
    VisitUnits<Memory>(parts.Count(), parts.LargestBlock(), visit);
  }

  void VisitPackedBlock(Math& own, const BlockPartition::Block& block,
                        const std::array<Range, kAxes>& windows, Scratch<T>* gradients,
                        PackedTensors<T, Math, Sink::kAdd>* packed) const {
    const PackedColumns columns(g_, block.images);
    if (windows[0].Size() > 0) packed->Pack(tensors_, g_, columns, windows);
    Region region = packed->RegionOf(g_, columns);
    const PackedBox box{block.part, InputLengths(g_)};
    Tensors<T, Math> copies = packed->tensors;
    if (Math::kTapOutputs > 0) {
      region.part = block.part;
      region.target = Layout::Packed(box);
      T* memory = gradients->Reserve(Math::kTapOutputs * box.Elements());
      for (T*& gradient : copies.tap_out) {
        gradient = memory;
        memory += box.Elements();
      }
    }
    VisitBlock<Math::kUsesChannels>(own, g_, region, copies, windows);
    packed->UnpackWindows(tensors_, windows);
    for (int t = 0; t < Math::kTapOutputs; ++t) {
      HWY_NAMESPACE::Unpack(copies.tap_out[t], columns, box, box.range, tensors_.tap_out[t]);
    }
  }

  // Returns the windows of a block, or no window if none reaches its inputs.
  std::array<Range, kAxes> WindowsOf(const BlockPartition::Block& block) const {
    if (Math::kTapOutputs == 0) return block.part;
    std::array<Range, kAxes> windows;
    for (int i = 0; i < kAxes; ++i) {
      windows[i] = WindowsReaching(g_.axis[i], block.part[i]);
      if (windows[i].Size() <= 0) return {};
    }
    return windows;
  }

  // Visits one tile of the input. Every window that reaches into the tile, in order, adds its
  // gradients to `sums`, which are then rounded and stored. Neighbouring tiles each visit the
  // windows that they share. One of these tiles owns the window, and only that tile's visit stores
  // the window's own results, not only gradients of taps.
  void VisitTile(Math& own, const TilePartition::Tile& tile, C* sums,
                 PackedTensors<T, Math, Sink::kAdd>* packed) const {
    std::array<Range, kAxes> windows;
    bool reached = true;
    for (int i = 0; i < kAxes; ++i) {
      windows[i] = WindowsReaching(g_.axis[i], tile.part[i]);
      reached = reached && windows[i].Size() > 0;
    }
    Region region = Region::OfTile(g_, tile);
    const PackedColumns columns(g_, tile.images);
    const PackedBox box{tile.part, InputLengths(g_)};
    int64_t size = tile.images.Size() * region.target.image;
    if (packed != nullptr) {
      if (reached) packed->Pack(tensors_, g_, columns, windows);
      region = packed->RegionOf(g_, columns);
      region.part = tile.part;
      region.target = Layout::Packed(box);
      size = box.Elements();
    }
    C* targets[Math::kTapOutputs];
    for (int t = 0; t < Math::kTapOutputs; ++t) targets[t] = sums + t * size;
    std::fill(sums, sums + Math::kTapOutputs * size, C{0});

    if (packed != nullptr && reached) {
      VisitPacked<Sink::kAdd>(own, packed->tensors, region, targets, windows);
    } else if (reached) {
      RegionVisitor<Math, T, Sink::kAdd, false> visitor(own, g_, tensors_, region, targets);
      VisitRows(&visitor, windows);
    }
    if (packed != nullptr && reached) packed->UnpackWindows(tensors_, Owned(tile, windows));
    for (int t = 0; t < Math::kTapOutputs; ++t) {
      if (packed != nullptr) {
        packed->StoreSums(targets[t], columns, box, tensors_.tap_out[t]);
      } else {
        StoreTile(g_, tile, targets[t], tensors_.tap_out[t]);
      }
    }
  }

  // Visits windows of packed tensors. Channels are looked up if they are not consecutive.
  template <Sink kSink, class Target>
  void VisitPacked(Math& own, const Tensors<T, Math>& tensors, const Region& region,
                   Target* const* targets, const std::array<Range, kAxes>& windows) const {
    if (Math::kUsesChannels && !region.columns->consecutive) {
      RegionVisitor<Math, T, kSink, Math::kUsesChannels> visitor(own, g_, tensors, region, targets);
      VisitRows(&visitor, windows);
    } else {
      RegionVisitor<Math, T, kSink, false> visitor(own, g_, tensors, region, targets);
      VisitRows(&visitor, windows);
    }
  }

  // Returns those of the windows that a tile owns: their first inputs are in it.
  std::array<Range, kAxes> Owned(const TilePartition::Tile& tile,
                                 std::array<Range, kAxes> windows) const {
    for (int i = 0; i < kAxes; ++i) {
      const PoolAxis& a = g_.axis[i];
      Range& owned = windows[i];
      while (owned.Size() > 0 && a.Begin(owned.begin) < tile.part[i].begin) ++owned.begin;
      while (owned.Size() > 0 && a.Begin(owned.end - 1) >= tile.part[i].end) --owned.end;
    }
    return windows;
  }

  template <class Visitor>
  static void VisitRows(Visitor* visitor, const std::array<Range, kAxes>& windows) {
    for (int64_t o0 = windows[0].begin; o0 < windows[0].end; ++o0) {
      for (int64_t o1 = windows[1].begin; o1 < windows[1].end; ++o1) {
        visitor->VisitRow(o0, o1, windows[2]);
      }
    }
  }

  // Visits all units on many threads. Each unit has `windows` windows or inputs. Each thread has
  // its own copy of the mathematics, which may keep sums, and its own `Memory`. visit(own, memory,
  // unit) is called with these. A lambda that is mutable could keep the memory itself, but
  // compilers do not agree on where its attribute belongs.
  template <class Memory, class Visit>
  void VisitUnits(int64_t units, int64_t windows, const Visit& visit) const {
    const Blocks blocks(units, math_.MostBlocks(units));
    const auto shard = [&](int64_t begin, int64_t end) HWY_ATTR {
      const ScopedSubnormals subnormals;
      Math own = math_;
      Memory memory;
      for (int64_t b = begin; b < end; ++b) {
        const Range block = blocks.At(b);
        own.BeginBlock();
        for (int64_t unit = block.begin; unit < block.end; ++unit) visit(own, &memory, unit);
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
