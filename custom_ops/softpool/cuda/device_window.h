// The windows of a GPU's kernels. A thread has one window of one channel. The contract in
// taps-inl.h says what a window offers to mathematics.
#ifndef SOFTPOOL_CUDA_DEVICE_WINDOW_H_
#define SOFTPOOL_CUDA_DEVICE_WINDOW_H_

#include <utility>

#include "softpool/engine/pool_math.h"
#include "softpool/engine/philox.h"
#include "softpool/engine/taps-inl.h"

namespace softpool {

// kCount values that one instruction loads or stores. The first value must be aligned to the size
// of all of them.
template <class T, int kCount>
struct alignas(sizeof(T) * kCount) Pack {
  T values[kCount];
};

namespace HWY_NAMESPACE {

// The place of a window: the index of its first tap in tensors shaped like the input, the window's
// own index in tensors shaped like the output, and its channel.
struct Place {
  int64_t in, out, channel;
};

// Where a window's gradients go. If windows share inputs, `sums` has the sums of each tensor with a
// value for every tap, and `first` is the index of the window's first tap in them. `channel_step`
// is the distance between a thread's sums over all windows for neighbouring channels.
template <class Math, class T>
struct Targets {
  ComputeType<T>* sums[Math::kTapOutputs + 1];
  int64_t first;
  int64_t channel_step;
  bool owned;
};

// A window of any size, with its values in memory.
template <class Math_, class T_, Sink kSink>
struct MemoryWindow {
  using Math = Math_;
  using T = T_;
  using C = ComputeType<T>;
  using D = hn::ScalableTag<C>;
  using Sum = double;
  static constexpr int kTaps = 0;

  // `targets`, `box` and `place` are held by value, so that they are in a thread's registers until
  // a window is pooled out of line.
  const Tensors<T, Math>& tensors;
  Targets<Math, T> targets;
  TapBox box;
  Place place;
  int64_t lane;  // which of a thread's channels

  HWY_INLINE int64_t Taps() const { return box.Total(); }
  template <class F>
  HWY_INLINE void ForEach(const F& f) const {
    box.ForEach(f);
  }
  HWY_INLINE MemoryWindow AnySize() const { return *this; }
  // Returns the window that is `count` further: `count` channels further if row_taps is 1, else
  // `count` windows of row_taps taps further in the row.
  HWY_INLINE MemoryWindow Neighbour(int64_t count, int row_taps) const {
    const bool channels = row_taps == 1;
    return {
        tensors,
        targets,
        box,
        {place.in + count * row_taps, place.out + count, place.channel + (channels ? count : 0)},
        channels ? count : 0};
  }
  HWY_INLINE bool IsOwner() const { return kSink == Sink::kStore || targets.owned; }

  template <int kWhich = 0>
  HWY_INLINE C Load(const Tap& tap) const {
    return LoadOne(tensors.tap_in[kWhich] + place.in + tap.offset);
  }
  template <int kWhich>
  HWY_INLINE bool HasWindow() const {
    return tensors.window_in[kWhich] != nullptr;
  }
  template <int kWhich = 0>
  HWY_INLINE C LoadWindow() const {
    return LoadOne(tensors.window_in[kWhich] + place.out);
  }
  HWY_INLINE C LoadChannel(const C* table) const { return table[place.channel]; }
  HWY_INLINE C LoadDraw() const { return DrawAt<C>(tensors.seed, place.out); }

  template <int kWhich = 0>
  HWY_INLINE void StoreWindow(C v) const {
    if (IsOwner()) StoreOne(v, tensors.window_out[kWhich] + place.out);
  }
  template <int kWhich = 0>
  HWY_INLINE void Emit(const Tap& tap, C v) const {
    if constexpr (kSink == Sink::kAdd) {
      if (tap.target != kUnwanted) targets.sums[kWhich][targets.first + tap.target] += v;
    } else {
      StoreOne(v, tensors.tap_out[kWhich] + place.in + tap.offset);
    }
  }
  HWY_INLINE void AddChannel(C v, double* sums) const {
    if (IsOwner()) sums[lane * targets.channel_step] += static_cast<double>(v);
  }

  // The same for one lane, by its number. There is only one lane.
  template <int kWhich = 0>
  HWY_INLINE C LoadLane(const Tap& tap, size_t) const {
    return Load<kWhich>(tap);
  }
  template <int kWhich = 0>
  HWY_INLINE C LoadWindowLane(size_t) const {
    return LoadWindow<kWhich>();
  }
  HWY_INLINE C LoadChannelLane(const C* table, size_t) const { return LoadChannel(table); }
  template <int kWhich = 0>
  HWY_INLINE void StoreLane(C v, size_t) const {
    StoreWindow<kWhich>(v);
  }
  template <int kWhich = 0>
  HWY_INLINE void EmitLane(const Tap& tap, C v, size_t) const {
    Emit<kWhich>(tap, v);
  }
  HWY_INLINE void AddChannelLane(C v, double* sums, size_t) const { AddChannel(v, sums); }
};

// Functions for pooling a lane again by the slow reference path: see window-inl.h.
template <class W, class F>
HWY_INLINE void ForEachUnset(const W&, bool mask, const F& f) {
  if (!mask) f(size_t{0});
}
template <class W, class F>
HWY_INLINE void ForEachOwnLane(const W&, const F& f) {
  f(size_t{0});
}
template <class W>
HWY_INLINE typename W::C WithLane(const W&, typename W::C, size_t, typename W::C value) {
  return value;
}

// What a thread keeps in registers: kLanes windows of kTaps taps each.
template <class Math, class C, int kTaps, int kLanes>
struct Registers {
  C tap_in[Math::kTapInputs][kTaps][kLanes];
  C window_in[Math::kWindowInputs + 1][kLanes];
  C window_out[Math::kWindowOutputs + 1][kLanes];
  C tap_out[Math::kTapOutputs + 1][kTaps][kLanes];
  // Bit i says that lane i was pooled in memory, because its numbers required it.
  uint32_t in_memory = 0;
};

// One of several windows in registers. Tap i has the offset i.
template <class Math_, class T_, Sink kSink, int kTaps_, int kLanes, int kLane>
struct RegisterWindow {
  using Math = Math_;
  using T = T_;
  using C = ComputeType<T>;
  using D = hn::ScalableTag<C>;
  using Sum = double;
  static constexpr int kTaps = kTaps_;

  Registers<Math, C, kTaps, kLanes>& registers;
  MemoryWindow<Math, T, kSink> memory;  // the same window, in memory

  HWY_INLINE static int64_t Taps() { return kTaps; }
  template <class F>
  HWY_INLINE void ForEach(const F& f) const {
    Unrolled(f, std::make_integer_sequence<int, kTaps>());
  }
  template <class F, int... kIndex>
  HWY_INLINE void Unrolled(const F& f, std::integer_sequence<int, kIndex...>) const {
    (f(int64_t{kIndex}, Tap{kIndex, kIndex, kIndex}), ...);
  }
  HWY_INLINE MemoryWindow<Math, T, kSink> AnySize() const {
    registers.in_memory |= 1u << kLane;
    return memory;
  }
  HWY_INLINE bool IsOwner() const { return memory.IsOwner(); }

  template <int kWhich = 0>
  HWY_INLINE C Load(const Tap& tap) const {
    return registers.tap_in[kWhich][tap.offset][kLane];
  }
  template <int kWhich>
  HWY_INLINE bool HasWindow() const {
    return memory.template HasWindow<kWhich>();
  }
  template <int kWhich = 0>
  HWY_INLINE C LoadWindow() const {
    return registers.window_in[kWhich][kLane];
  }
  HWY_INLINE C LoadChannel(const C* table) const { return memory.LoadChannel(table); }
  HWY_INLINE C LoadDraw() const { return memory.LoadDraw(); }
  template <int kWhich = 0>
  HWY_INLINE void StoreWindow(C v) const {
    registers.window_out[kWhich][kLane] = v;
  }
  template <int kWhich = 0>
  HWY_INLINE void Emit(const Tap& tap, C v) const {
    registers.tap_out[kWhich][tap.offset][kLane] = v;
  }
  HWY_INLINE void AddChannel(C v, double* sums) const { memory.AddChannel(v, sums); }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool

#endif  // SOFTPOOL_CUDA_DEVICE_WINDOW_H_
