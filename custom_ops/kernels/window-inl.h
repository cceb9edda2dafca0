// One window, or as many windows side by side as a vector has lanes, as a pooling's mathematics
// sees it: taps to load, taps to send gradients to, and values that there are one of a window.
#if defined(TF_SOFTPOOL_KERNELS_WINDOW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_WINDOW_INL_H_
#undef TF_SOFTPOOL_KERNELS_WINDOW_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_WINDOW_INL_H_
#endif

#include <hwy/highway.h>

#include <array>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/addresses-inl.h"
#include "kernels/lanes-inl.h"
#include "kernels/pool_math.h"
#include "kernels/tensors.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// A position in a window: its offset from the window's first tap, in the inputs and in the
// gradients.
struct Tap {
  int64_t offset;
  int64_t target;
};
inline constexpr int64_t kUnwanted = -1;

// The taps that windows of one shape have in common. Only those inside [wanted_begin, wanted_end)
// are to receive gradients.
struct TapBox {
  int64_t count[kAxes];
  std::array<int64_t, kAxes> step;
  std::array<int64_t, kAxes> target_step;
  int64_t wanted_begin[kAxes];
  int64_t wanted_end[kAxes];

  int64_t Total() const { return count[0] * count[1] * count[2]; }
  bool Wants(int axis, int64_t i) const { return i >= wanted_begin[axis] && i < wanted_end[axis]; }

  // Calls f(index, tap) in row-major order.
  template <class F>
  HWY_INLINE void ForEach(const F& f) const {
    int64_t index = 0;
    for (int64_t i = 0; i < count[0]; ++i) {
      for (int64_t j = 0; j < count[1]; ++j) {
        const bool wanted = Wants(0, i) && Wants(1, j);
        const int64_t row = i * step[0] + j * step[1];
        const int64_t target_row = i * target_step[0] + j * target_step[1];
        for (int64_t k = 0; k < count[2]; ++k) {
          const int64_t target =
              wanted && Wants(2, k) ? target_row + k * target_step[2] : kUnwanted;
          f(index++, Tap{row + k * step[2], target});
        }
      }
    }
  }
};

// How gradients leave: stored, where each input belongs to one window, or added up, where windows
// share inputs.
enum class Sink { kStore, kAdd };

// kTaps is the number of taps where it is known to the compiler, or zero.
template <class Math_, class T_, class Lanes_, Sink kSink, int kTaps_>
struct Window {
  using Math = Math_;
  using T = T_;
  using D = hn::ScalableTag<ComputeType<T>>;
  using Target = std::conditional_t<kSink == Sink::kAdd, ComputeType<T>, T>;
  static constexpr int kTaps = kTaps_;

  const Tensors<T, Math>& tensors;
  Target* const* targets;
  const TapBox& box;
  const Tap* taps;
  Lanes_ lanes;
  bool home;

  // Calls f(index, tap) for each tap, in row-major order.
  template <class F>
  HWY_INLINE void ForEach(const F& f) const {
    if constexpr (kTaps > 0) {
      Unrolled(f, std::make_integer_sequence<int, kTaps>());
    } else {
      box.ForEach(f);
    }
  }
  template <class F, int... kIndex>
  HWY_INLINE void Unrolled(const F& f, std::integer_sequence<int, kIndex...>) const {
    (f(kIndex, taps[kIndex]), ...);
  }

  // The same window, its taps counted when it runs: where speed does not matter, one piece of code
  // serves windows of all sizes.
  Window<Math, T, Lanes_, kSink, 0> AnySize() const {
    return {tensors, targets, box, taps, lanes, home};
  }

  // The value of tensor `kWhich` at a tap, and at the window as a whole.
  template <int kWhich = 0>
  HWY_INLINE V<D> Load(const Tap& tap) const {
    return lanes.LoadTap(D(), tensors.tap_in[kWhich], tap.offset);
  }
  template <int kWhich = 0>
  HWY_INLINE V<D> LoadWindow() const {
    return lanes.LoadWindow(D(), tensors.window_in[kWhich]);
  }

  // The value of a table that has one for each channel.
  HWY_INLINE V<D> LoadChannel(const ComputeType<T>* table) const {
    return lanes.LoadChannel(D(), table);
  }

  template <int kWhich = 0>
  HWY_INLINE void StoreWindow(V<D> v) const {
    if (!IsHome()) return;
    lanes.StoreWindow(D(), v, tensors.window_out[kWhich]);
  }
  // Sends a gradient to a tap.
  template <int kWhich = 0>
  HWY_INLINE void Emit(const Tap& tap, V<D> v) const {
    if (kSink == Sink::kAdd && tap.target == kUnwanted) return;
    if constexpr (kSink == Sink::kAdd) {
      lanes.AddTap(D(), v, targets[kWhich], tap.target);
    } else {
      lanes.StoreTap(D(), v, targets[kWhich], tap.target);
    }
  }

  // Whether what there is one of a window is done here, and not in another tile.
  HWY_INLINE bool IsHome() const { return kSink == Sink::kStore || home; }

  // The same for one lane, by its number.
  template <int kWhich = 0>
  HWY_INLINE ComputeType<T> LoadLane(const Tap& tap, size_t lane) const {
    const hn::CappedTag<ComputeType<T>, 1> d;
    return hn::GetLane(LoadAs(d, tensors.tap_in[kWhich] + lanes.In(lane) + tap.offset));
  }
  template <int kWhich = 0>
  HWY_INLINE ComputeType<T> LoadWindowLane(size_t lane) const {
    const hn::CappedTag<ComputeType<T>, 1> d;
    return hn::GetLane(LoadAs(d, tensors.window_in[kWhich] + lanes.Out(lane)));
  }
  HWY_INLINE ComputeType<T> LoadChannelLane(const ComputeType<T>* table, size_t lane) const {
    return table[lanes.Channel(lane)];
  }
  template <int kWhich = 0>
  HWY_INLINE void StoreLane(ComputeType<T> value, size_t lane) const {
    const hn::CappedTag<ComputeType<T>, 1> d;
    if (!IsHome()) return;
    StoreAs(d, hn::Set(d, value), tensors.window_out[kWhich] + lanes.Out(lane));
  }
  template <int kWhich = 0>
  HWY_INLINE void EmitLane(const Tap& tap, ComputeType<T> value, size_t lane) const {
    const hn::CappedTag<ComputeType<T>, 1> d;
    if (kSink == Sink::kAdd && tap.target == kUnwanted) return;
    Target* p = targets[kWhich] + lanes.Target(lane) + tap.target;
    if constexpr (kSink == Sink::kAdd) {
      *p += value;
    } else {
      StoreAs(d, hn::Set(d, value), p);
    }
  }

  // Adds to sums over all windows, of which there is one for each channel.
  HWY_INLINE void AddChannel(V<D> v, ComputeType<T>* sums) const {
    if (!IsHome()) return;
    lanes.AddChannel(D(), v, sums);
  }
};

// The values of tensor `kWhich` at all taps, loaded once where the vectors to keep them are few.
template <class W, int kWhich = 0>
class TapValues {
 public:
  HWY_INLINE explicit TapValues(const W& window) : window_(window) {
    if constexpr (W::kTaps > 0) {
      window.ForEach([&](int64_t i, const Tap& tap)
                         HWY_ATTR { values_[i] = window.template Load<kWhich>(tap); });
    }
  }
  HWY_INLINE V<typename W::D> At(int64_t index, const Tap& tap) const {
    if constexpr (W::kTaps > 0) return values_[index];
    return window_.template Load<kWhich>(tap);
  }

 private:
  const W& window_;
  V<typename W::D> values_[W::kTaps > 0 ? W::kTaps : 1];
};

// A vector for each tap: in registers where the compiler knows how many there are, else in memory
// that the pooling keeps.
template <class W>
class TapRow {
 public:
  using D = typename W::D;

  HWY_INLINE TapRow(const W& window, std::vector<hn::TFromD<D>>* memory) {
    if constexpr (W::kTaps == 0) {
      memory->resize(window.box.Total() * hn::Lanes(D()));
      memory_ = memory->data();
    }
  }
  HWY_INLINE void Set(int64_t index, V<D> v) {
    if constexpr (W::kTaps > 0) {
      values_[index] = v;
    } else {
      hn::StoreU(v, D(), memory_ + index * hn::Lanes(D()));
    }
  }
  HWY_INLINE V<D> At(int64_t index) const {
    if constexpr (W::kTaps > 0) return values_[index];
    return hn::LoadU(D(), memory_ + index * hn::Lanes(D()));
  }

 private:
  V<D> values_[W::kTaps > 0 ? W::kTaps : 1];
  hn::TFromD<D>* memory_ = nullptr;
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
