// The windows of a CPU's kernels, one for each lane of a vector, and where in memory their lanes
// lie. The contract in taps-inl.h says what a window offers to mathematics.
#if defined(SOFTPOOL_ENGINE_WINDOW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_ENGINE_WINDOW_INL_H_
#undef SOFTPOOL_ENGINE_WINDOW_INL_H_
#else
#define SOFTPOOL_ENGINE_WINDOW_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <type_traits>
#include <utility>

#include "softpool/engine/pack-inl.h"
#include "softpool/engine/pool_math.h"
#include "softpool/engine/taps-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// A window has more rows than processors can prefetch well by themselves. Reaching past the end is
// harmless.
HWY_INLINE void Prefetch(const void* p) {
  constexpr uintptr_t kAhead = 2048;
  hwy::Prefetch(reinterpret_cast<const uint8_t*>(reinterpret_cast<uintptr_t>(p) + kAhead));
}

// Lanes that lie side by side in memory: consecutive channels of one window, or packed columns. A
// neighbouring vector takes care of the first `skip` lanes, so nothing may be added for these. If
// lanes are packed, `channel` is the first lane's column, and `columns` knows the columns'
// channels. kColumns says whether channels are looked up there: it costs time even where nothing is
// packed.
template <class D, bool kColumns>
struct ConsecutiveLanes {
  int64_t in = 0, out = 0, target = 0, channel = 0;
  size_t skip = 0;
  const PackedColumns* columns = nullptr;

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
    if constexpr (!kColumns) return hn::LoadU(d, p + channel);
    HWY_ALIGN C lane[HWY_MAX_BYTES / sizeof(C)];
    for (size_t i = 0; i < hn::Lanes(d); ++i) lane[i] = p[Channel(i)];
    return hn::Load(d, lane);
  }
  template <class C>
  HWY_INLINE void AddChannel(D d, V<D> v, C* sums) const {
    if constexpr (kColumns) {
      HWY_ALIGN C lane[HWY_MAX_BYTES / sizeof(C)];
      hn::Store(v, d, lane);
      for (size_t i = 0; i < EndLane(d); ++i) sums[Channel(i)] += lane[i];
      return;
    }
    if (skip) v = hn::IfThenZeroElse(hn::FirstN(d, skip), v);
    hn::StoreU(hn::Add(hn::LoadU(d, sums + channel), v), d, sums + channel);
  }

  // Returns the mask, with all lanes set that these lanes do not stand for.
  HWY_INLINE M<D> Without(D, M<D> mask) const { return mask; }

  // The range of the lanes that are this vector's own, and the indices of one lane.
  size_t BeginLane() const { return skip; }
  size_t EndLane(D d) const {
    if (columns == nullptr) return hn::Lanes(d);
    return HWY_MIN(hn::Lanes(d), static_cast<size_t>(columns->count - channel));
  }
  int64_t In(size_t lane) const { return in + static_cast<int64_t>(lane); }
  int64_t Out(size_t lane) const { return out + static_cast<int64_t>(lane); }
  int64_t Target(size_t lane) const { return target + static_cast<int64_t>(lane); }
  int64_t Channel(size_t lane) const {
    const int64_t i = channel + static_cast<int64_t>(lane);
    return columns != nullptr ? columns->channel[i] : i;
  }
};

// Some of the lanes that lie side by side: only these receive results.
template <class D, bool kColumns>
struct MaskedLanes : ConsecutiveLanes<D, kColumns> {
  M<D> mask;

  MaskedLanes(const ConsecutiveLanes<D, kColumns>& all, M<D> mask)
      : ConsecutiveLanes<D, kColumns>(all), mask(mask) {}

  template <class T>
  HWY_INLINE void StoreWindow(D d, V<D> v, T* p) const {
    p += this->out;
    StoreAs(d, hn::IfThenElse(mask, v, LoadAs(d, p)), p);
  }
  template <class C>
  HWY_INLINE void AddTap(D d, V<D> v, C* p, int64_t offset) const {
    p += this->target + offset;
    const auto before = hn::LoadU(d, p);
    hn::StoreU(hn::IfThenElse(mask, hn::Add(before, v), before), d, p);
  }
  HWY_INLINE M<D> Without(D, M<D> done) const { return hn::Or(done, hn::Not(mask)); }
};

// Lanes from anywhere: for windows or channels that are too few to fill a vector, or that lie
// apart. Lanes from `count` on repeat the first lane, and nothing is stored for them.
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
  template <class C>
  HWY_INLINE void AddChannel(D d, V<D> v, C* sums) const {
    HWY_ALIGN C lane[kMost];
    hn::Store(v, d, lane);
    for (size_t i = 0; i < count; ++i) sums[channel[i]] += lane[i];
  }

  HWY_INLINE M<D> Without(D, M<D> mask) const { return mask; }

  size_t BeginLane() const { return 0; }
  size_t EndLane(D) const { return count; }
  int64_t In(size_t lane) const { return in[lane]; }
  int64_t Out(size_t lane) const { return out[lane]; }
  int64_t Target(size_t lane) const { return target[lane]; }
  int64_t Channel(size_t lane) const { return channel[lane]; }
};

// Whether rare cases of windows with these lanes are worth code of their own for each number of
// taps. Elsewhere, such code would take more time to compile than it saves.
template <class Lanes>
inline constexpr bool kUnrollsRareCases = false;
template <class D>
inline constexpr bool kUnrollsRareCases<ConsecutiveLanes<D, false>> = HWY_TARGET != HWY_SCALAR;

// kTaps is the number of taps, or zero if the compiler does not know it.
template <class Math_, class T_, class Lanes_, Sink kSink, int kTaps_>
struct Window {
  using Math = Math_;
  using T = T_;
  using D = hn::ScalableTag<ComputeType<T>>;
  using Target = std::conditional_t<kSink == Sink::kAdd, ComputeType<T>, T>;
  using Sum = ComputeType<T>;
  static constexpr int kTaps = kTaps_;

  const Tensors<T, Math>& tensors;
  Target* const* targets;
  const TapBox& box;
  const Tap* taps;
  Lanes_ lanes;
  bool owned;

  HWY_INLINE int64_t Taps() const { return kTaps > 0 ? kTaps : box.Total(); }

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

  // Returns the same window for code that serves windows of all sizes, for uses where speed does
  // not matter.
  Window<Math, T, Lanes_, kSink, 0> AnySize() const {
    return {tensors, targets, box, taps, lanes, owned};
  }

  template <int kWhich = 0>
  HWY_INLINE V<D> Load(const Tap& tap) const {
    return lanes.LoadTap(D(), tensors.tap_in[kWhich], tap.offset);
  }
  template <int kWhich = 0>
  HWY_INLINE V<D> LoadWindow() const {
    return lanes.LoadWindow(D(), tensors.window_in[kWhich]);
  }

  HWY_INLINE V<D> LoadDraw() const { return lanes.LoadWindow(D(), tensors.draws); }

  template <int kWhich>
  HWY_INLINE bool HasWindow() const {
    return tensors.window_in[kWhich] != nullptr;
  }

  HWY_INLINE V<D> LoadChannel(const ComputeType<T>* table) const {
    static_assert(Math::kUsesChannels, "mathematics that asks for channels must set kUsesChannels");
    return lanes.LoadChannel(D(), table);
  }

  template <int kWhich = 0>
  HWY_INLINE void StoreWindow(V<D> v) const {
    if (!IsOwner()) return;
    lanes.StoreWindow(D(), v, tensors.window_out[kWhich]);
  }
  template <int kWhich = 0>
  HWY_INLINE void Emit(const Tap& tap, V<D> v) const {
    if (kSink == Sink::kAdd && tap.target == kUnwanted) return;
    if constexpr (kSink == Sink::kAdd) {
      lanes.AddTap(D(), v, targets[kWhich], tap.target);
    } else {
      lanes.StoreTap(D(), v, targets[kWhich], tap.target);
    }
  }

  HWY_INLINE bool IsOwner() const { return kSink == Sink::kStore || owned; }

  // The same for one lane, by its number.
  template <int kWhich = 0>
  HWY_INLINE ComputeType<T> LoadLane(const Tap& tap, size_t lane) const {
    return LoadOne(tensors.tap_in[kWhich] + lanes.In(lane) + tap.offset);
  }
  template <int kWhich = 0>
  HWY_INLINE ComputeType<T> LoadWindowLane(size_t lane) const {
    return LoadOne(tensors.window_in[kWhich] + lanes.Out(lane));
  }
  HWY_INLINE ComputeType<T> LoadChannelLane(const ComputeType<T>* table, size_t lane) const {
    return table[lanes.Channel(lane)];
  }
  template <int kWhich = 0>
  HWY_INLINE void StoreLane(ComputeType<T> value, size_t lane) const {
    if (IsOwner()) StoreOne(value, tensors.window_out[kWhich] + lanes.Out(lane));
  }
  template <int kWhich = 0>
  HWY_INLINE void EmitLane(const Tap& tap, ComputeType<T> value, size_t lane) const {
    if (kSink == Sink::kAdd && tap.target == kUnwanted) return;
    Target* p = targets[kWhich] + lanes.Target(lane) + tap.target;
    if constexpr (kSink == Sink::kAdd) {
      *p += value;
    } else {
      StoreOne(value, p);
    }
  }

  HWY_INLINE void AddChannel(V<D> v, ComputeType<T>* sums) const {
    static_assert(Math::kUsesChannels, "mathematics that asks for channels must set kUsesChannels");
    if (!IsOwner()) return;
    lanes.AddChannel(D(), v, sums);
  }
  HWY_INLINE void AddChannelLane(ComputeType<T> value, ComputeType<T>* sums, size_t lane) const {
    if (IsOwner()) sums[lanes.Channel(lane)] += value;
  }
};

// Functions for pooling single lanes of a vector again by the slow reference path, if the quick way
// is not right for a window's numbers.

// Calls f for each of a window's lanes that is not set in the mask. This includes lanes that a
// neighbouring vector has too: what this vector stores overwrites what the neighbour stored.
template <class W, class F>
HWY_INLINE void ForEachUnset(const W& window, M<typename W::D> mask, const F& f) {
  using D = typename W::D;
  uint8_t bits[8] = {};
  hn::StoreMaskBits(D(), window.lanes.Without(D(), mask), bits);
  for (size_t lane = 0; lane < window.lanes.EndLane(D()); ++lane) {
    if (!(bits[lane / 8] >> lane % 8 & 1)) f(lane);
  }
}

// Calls f for each lane that no neighbouring vector has.
template <class W, class F>
HWY_INLINE void ForEachOwnLane(const W& window, const F& f) {
  const size_t end = window.lanes.EndLane(typename W::D());
  for (size_t lane = window.lanes.BeginLane(); lane < end; ++lane) f(lane);
}

// Returns the vector with another value in one lane.
template <class W>
HWY_INLINE V<typename W::D> WithLane(const W&, V<typename W::D> v, size_t lane,
                                     typename W::Sum value) {
  using D = typename W::D;
  const D d;
  HWY_ALIGN hn::TFromD<D> lanes[HWY_MAX_BYTES / sizeof(hn::TFromD<D>)];
  hn::Store(v, d, lanes);
  lanes[lane] = value;
  return hn::Load(d, lanes);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
