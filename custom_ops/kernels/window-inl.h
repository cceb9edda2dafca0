// One window, or as many windows side by side as a vector has lanes, as a pooling's mathematics
// sees it: taps to load, taps to send gradients to, and values that there are one of a window.
#if defined(TF_SOFTPOOL_KERNELS_WINDOW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_WINDOW_INL_H_
#undef TF_SOFTPOOL_KERNELS_WINDOW_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_WINDOW_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <array>
#include <type_traits>
#include <utility>

#include "kernels/lanes-inl.h"
#include "kernels/pool_math.h"
#include "kernels/tensors.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// Processors find it hard to see ahead in as many rows as a window has. Reaching past the end is
// harmless.
HWY_INLINE void Prefetch(const void* p) {
  constexpr uintptr_t kAhead = 2048;
  hwy::Prefetch(reinterpret_cast<const uint8_t*>(reinterpret_cast<uintptr_t>(p) + kAhead));
}

// Lanes that lie side by side in memory: consecutive channels of one window. Of the first `skip` a
// neighbouring vector has taken care, so nothing may be added for them.
template <class D>
struct ConsecutiveLanes {
  int64_t in = 0, out = 0, target = 0, channel = 0;
  size_t skip = 0;

  template <class T>
  HWY_INLINE V<D> LoadTap(D d, const T* p, int64_t offset) const {
    Prefetch(p + in + offset);
    return LoadAs(d, p + in + offset);
  }
  template <class T>
  HWY_INLINE V<D> LoadWindow(D d, const T* p) const {
    return LoadAs(d, p + out);
  }
  template <class T>
  HWY_INLINE void StoreWindow(D d, V<D> v, T* p) const {
    StoreAs(d, v, p + out);
  }
  template <class T>
  HWY_INLINE void StoreTap(D d, V<D> v, T* p, int64_t offset) const {
    Prefetch(p + target + offset);
    StoreAs(d, v, p + target + offset);
  }
  template <class C>
  HWY_INLINE void AddTap(D d, V<D> v, C* p, int64_t offset) const {
    p += target + offset;
    const auto before = hn::LoadU(d, p);
    const auto after = hn::Add(before, v);
    hn::StoreU(skip ? hn::IfThenElse(hn::FirstN(d, skip), before, after) : after, d, p);
  }

  template <class C>
  HWY_INLINE V<D> LoadChannel(D d, const C* p) const {
    return hn::LoadU(d, p + channel);
  }
  HWY_INLINE void AddChannel(D d, V<D> v, double* sums) const {
    if (skip) v = hn::IfThenZeroElse(hn::FirstN(d, skip), v);
    AddToSums(d, v, sums + channel);
  }
};

// Lanes from anywhere: windows or channels too few to fill a vector, or that lie apart. Those past
// `count` repeat the first, and nothing is stored for them.
template <class D>
struct ScatteredLanes {
  static constexpr size_t kMost = HWY_MAX_BYTES / sizeof(hn::TFromD<D>);
  size_t count = 0;
  int64_t in[kMost], out[kMost], target[kMost], channel[kMost];

  HWY_INLINE void RepeatFirst(D d) {
    for (size_t i = count; i < hn::Lanes(d); ++i) {
      in[i] = in[0];
      out[i] = out[0];
      channel[i] = channel[0];
    }
  }

  template <class T>
  HWY_INLINE V<D> Gather(D d, const T* p, const int64_t* base) const {
    HWY_ALIGN T lane[kMost];
    for (size_t i = 0; i < hn::Lanes(d); ++i) lane[i] = p[base[i]];
    return LoadAs(d, lane);
  }
  template <class T>
  HWY_INLINE V<D> LoadTap(D d, const T* p, int64_t offset) const {
    return Gather(d, p + offset, in);
  }
  template <class T>
  HWY_INLINE V<D> LoadWindow(D d, const T* p) const {
    return Gather(d, p, out);
  }
  template <class T>
  HWY_INLINE void Scatter(D d, V<D> v, T* p, const int64_t* base) const {
    HWY_ALIGN T lane[kMost];
    StoreAs(d, v, lane);
    for (size_t i = 0; i < count; ++i) p[base[i]] = lane[i];
  }
  template <class T>
  HWY_INLINE void StoreWindow(D d, V<D> v, T* p) const {
    Scatter(d, v, p, out);
  }
  template <class T>
  HWY_INLINE void StoreTap(D d, V<D> v, T* p, int64_t offset) const {
    Scatter(d, v, p + offset, target);
  }
  template <class C>
  HWY_INLINE void AddTap(D d, V<D> v, C* p, int64_t offset) const {
    HWY_ALIGN C lane[kMost];
    hn::Store(v, d, lane);
    for (size_t i = 0; i < count; ++i) p[target[i] + offset] += lane[i];
  }

  template <class C>
  HWY_INLINE V<D> LoadChannel(D d, const C* p) const {
    return Gather(d, p, channel);
  }
  HWY_INLINE void AddChannel(D d, V<D> v, double* sums) const {
    HWY_ALIGN hn::TFromD<D> lane[kMost];
    hn::Store(v, d, lane);
    for (size_t i = 0; i < count; ++i) sums[channel[i]] += static_cast<double>(lane[i]);
  }
};

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
  bool AllWanted() const {
    for (int i = 0; i < kAxes; ++i) {
      if (wanted_begin[i] > 0 || wanted_end[i] < count[i]) return false;
    }
    return true;
  }
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

// kTaps is the number of taps where it is known to the compiler, and all are wanted, or zero.
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
    if (kSink == Sink::kAdd && !home) return;
    lanes.StoreWindow(D(), v, tensors.window_out[kWhich]);
  }
  // Sends a gradient to a tap.
  template <int kWhich = 0>
  HWY_INLINE void Emit(const Tap& tap, V<D> v) const {
    if (kTaps == 0 && tap.target == kUnwanted) return;
    if constexpr (kSink == Sink::kAdd) {
      lanes.AddTap(D(), v, targets[kWhich], tap.target);
    } else {
      lanes.StoreTap(D(), v, targets[kWhich], tap.target);
    }
  }
  // Adds to sums over all windows, of which there is one for each channel.
  HWY_INLINE void AddChannel(V<D> v, double* sums) const {
    if (kSink == Sink::kAdd && !home) return;
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

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
