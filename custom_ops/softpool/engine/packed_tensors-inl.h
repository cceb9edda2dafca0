// Copies of a pooling's tensors, packed for a box of windows: see pack-inl.h.
#if defined(SOFTPOOL_ENGINE_PACKED_TENSORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_ENGINE_PACKED_TENSORS_INL_H_
#undef SOFTPOOL_ENGINE_PACKED_TENSORS_INL_H_
#else
#define SOFTPOOL_ENGINE_PACKED_TENSORS_INL_H_
#endif

#include <algorithm>
#include <array>

#include "softpool/engine/pack-inl.h"
#include "softpool/engine/pool_math.h"
#include "softpool/engine/region_visitor-inl.h"
#include "softpool/engine/scratch.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// One thread's packed copies of the tensors that a box of windows reads and writes. Gradients have
// copies if windows store them, and none if windows add them to sums.
template <class T, class Math, Sink kSink>
class PackedTensors {
 public:
  Tensors<T, Math> tensors;  // of the copies

  // Packs what the windows read. There must be a window along each axis.
  void Pack(const Tensors<T, Math>& from, const PoolGeometry& g, const PackedColumns& columns,
            const std::array<Range, kAxes>& windows) {
    columns_ = &columns;
    windows_ = {windows, OutputLengths(g)};
    inputs_.length = InputLengths(g);
    for (int i = 0; i < kAxes; ++i) {
      inputs_.range[i] = {g.axis[i].Begin(windows[i].begin), g.axis[i].End(windows[i].end - 1)};
    }
    T* next = memory_.Reserve((Math::kTapInputs + kStored) * inputs_.Elements() +
                              (Math::kWindowInputs + Math::kWindowOutputs) * windows_.Elements());
    const auto take = [&](const PackedBox& box) {
      T* taken = next;
      next += box.Elements();
      return taken;
    };
    for (int i = 0; i < Math::kTapInputs; ++i) {
      T* copy = take(inputs_);
      HWY_NAMESPACE::Pack(from.tap_in[i], columns, inputs_, copy);
      tensors.tap_in[i] = copy;
    }
    for (int i = 0; i < Math::kWindowInputs; ++i) {
      T* copy = take(windows_);
      if (from.window_in[i] != nullptr) {
        HWY_NAMESPACE::Pack(from.window_in[i], columns, windows_, copy);
      }
      tensors.window_in[i] = from.window_in[i] != nullptr ? copy : nullptr;
    }
    for (int i = 0; i < Math::kWindowOutputs; ++i) {
      T* copy = take(windows_);
      tensors.window_out[i] = from.window_out[i] != nullptr ? copy : nullptr;
    }
    for (int i = 0; i < kStored; ++i) {
      tensors.tap_out[i] = take(inputs_);
      // Where no window reaches, the gradient is zero.
      if (g.HasGaps()) std::fill_n(tensors.tap_out[i], inputs_.Elements(), T{});
    }
    if constexpr (Math::kDraws) tensors.draws = PackDraws(from.seed, g);
  }

  // Returns the region of the copies, with gradients nowhere yet.
  Region RegionOf(const PoolGeometry& g, const PackedColumns& columns) const {
    Region region = Region::Everywhere(g, columns.images, {0, g.inner});
    region.in = Layout::Packed(inputs_);
    region.out = Layout::Packed(windows_);
    region.columns = &columns;
    return region;
  }

  // Unpacks the results of some of the windows.
  void UnpackWindows(const Tensors<T, Math>& to, const std::array<Range, kAxes>& windows) const {
    for (int i = 0; i < Math::kWindowOutputs; ++i) {
      if (to.window_out[i] == nullptr) continue;
      HWY_NAMESPACE::Unpack(tensors.window_out[i], *columns_, windows_, windows, to.window_out[i]);
    }
  }
  // Unpacks everything that the windows have written.
  void Unpack(const Tensors<T, Math>& to) const {
    UnpackWindows(to, windows_.range);
    for (int i = 0; i < Math::kTapOutputs; ++i) {
      HWY_NAMESPACE::Unpack(tensors.tap_out[i], *columns_, inputs_, inputs_.range, to.tap_out[i]);
    }
  }

  // Rounds sums of gradients of a box of inputs, and unpacks them.
  void StoreSums(const ComputeType<T>* sums, const PackedColumns& columns, const PackedBox& box,
                 T* gradient) {
    // Nothing that was packed is needed any more.
    T* rounded = memory_.Reserve(box.Elements());
    StoreRow(sums, rounded, box.Elements());
    HWY_NAMESPACE::Unpack(rounded, columns, box, box.range, gradient);
  }

 private:
  // Returns the packed draws of the box's windows.
  const ComputeType<T>* PackDraws(const int32_t* seed, const PoolGeometry& g) {
    ComputeType<T>* packed = packed_draws_.Reserve(windows_.Elements());
    ComputeType<T>* row = packed;
    const Range last = windows_.range[2];
    windows_.ForEachRow([&](int64_t o0, int64_t o1, int64_t) {
      for (int64_t column = 0; column < columns_->count; column += g.inner) {
        const int64_t image = columns_->images.begin + column / g.inner;
        const ComputeType<T>* draws = draws_.OfRow(seed, g, image, {o0, o1}, last, {0, g.inner});
        const int64_t first = Draws<ComputeType<T>>::First(g, image, {o0, o1});
        for (int64_t o = last.begin; o < last.end; ++o) {
          for (int64_t c = 0; c < g.inner; ++c) {
            row[(o - last.begin) * kPackedLanes + column + c] = draws[first + o * g.inner + c];
          }
        }
      }
      row += last.Size() * kPackedLanes;
    });
    return packed;
  }

  static constexpr int kStored = kSink == Sink::kStore ? Math::kTapOutputs : 0;

  const PackedColumns* columns_ = nullptr;
  PackedBox inputs_, windows_;
  Scratch<T> memory_;
  Scratch<ComputeType<T>> packed_draws_;
  Draws<ComputeType<T>> draws_;
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
