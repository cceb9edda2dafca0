// One window, or as many windows side by side as a vector has lanes, as a pooling's mathematics
// sees it: taps to load, taps to send gradients to, and values that there are one of a window.
#if defined(TF_SOFTPOOL_KERNELS_WINDOW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_WINDOW_INL_H_
#undef TF_SOFTPOOL_KERNELS_WINDOW_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_WINDOW_INL_H_
#endif

#include <hwy/highway.h>

#include <type_traits>
#include <utility>

#include "kernels/addresses-inl.h"
#include "kernels/lanes-inl.h"
#include "kernels/pool_math.h"
#include "kernels/taps-inl.h"
#include "kernels/tensors.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

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

  HWY_INLINE int64_t Taps() const { return kTaps > 0 ? kTaps : box.Total(); }

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

  // Whether there is a tensor at all.
  template <int kWhich>
  HWY_INLINE bool HasWindow() const {
    return tensors.window_in[kWhich] != nullptr;
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
  HWY_INLINE void AddChannelLane(ComputeType<T> value, ComputeType<T>* sums, size_t lane) const {
    if (IsHome()) sums[lanes.Channel(lane)] += value;
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
