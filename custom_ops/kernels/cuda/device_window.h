// One window of one channel as a pooling's mathematics sees it in a thread: see window-inl.h, whose
// windows offer the same.
#ifndef TF_SOFTPOOL_KERNELS_CUDA_DEVICE_WINDOW_H_
#define TF_SOFTPOOL_KERNELS_CUDA_DEVICE_WINDOW_H_

#include <utility>

#include "kernels/cuda/scalar.h"
#include "kernels/taps-inl.h"
#include "kernels/tensors.h"

namespace softpool {
namespace HWY_NAMESPACE {

// Where a window is: its first tap in tensors shaped like the input, itself in those shaped like
// the output, and its channel.
struct Place {
  int64_t in, out, channel;
};

// Where what windows send goes: `sums`, of tensors with a value for every tap, from the window's
// first tap on, if windows share inputs. How far sums over all windows lie apart that a thread
// keeps for channels side by side.
template <class Math, class T>
struct Targets {
  ComputeType<T>* sums[Math::kTapOutputs + 1];
  int64_t first;
  int64_t channel_step;
  bool home;
};

// A window of any size, its values in memory.
template <class Math_, class T_, Sink kSink>
struct MemoryWindow {
  using Math = Math_;
  using T = T_;
  using C = ComputeType<T>;
  using D = hn::ScalableTag<C>;
  static constexpr int kTaps = 0;

  // By value, so that they are in a thread's registers until a window is done out of line.
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
  // The one so many further: of the next channels or, with row_taps to a window, of the next
  // windows.
  HWY_INLINE MemoryWindow Neighbour(int64_t count, int row_taps) const {
    const bool channels = row_taps == 1;
    return {
        tensors,
        targets,
        box,
        {place.in + count * row_taps, place.out + count, place.channel + (channels ? count : 0)},
        channels ? count : 0};
  }
  HWY_INLINE bool IsHome() const { return kSink == Sink::kStore || targets.home; }

  template <int kWhich = 0>
  HWY_INLINE C Load(const Tap& tap) const {
    return ToCompute(tensors.tap_in[kWhich][place.in + tap.offset]);
  }
  template <int kWhich>
  HWY_INLINE bool HasWindow() const {
    return tensors.window_in[kWhich] != nullptr;
  }
  template <int kWhich = 0>
  HWY_INLINE C LoadWindow() const {
    return ToCompute(tensors.window_in[kWhich][place.out]);
  }
  HWY_INLINE C LoadChannel(const C* table) const { return table[place.channel]; }

  template <int kWhich = 0>
  HWY_INLINE void StoreWindow(C v) const {
    if (IsHome()) Round(v, &tensors.window_out[kWhich][place.out]);
  }
  template <int kWhich = 0>
  HWY_INLINE void Emit(const Tap& tap, C v) const {
    if constexpr (kSink == Sink::kAdd) {
      if (tap.target != kUnwanted) targets.sums[kWhich][targets.first + tap.target] += v;
    } else {
      Round(v, &tensors.tap_out[kWhich][place.in + tap.offset]);
    }
  }
  HWY_INLINE void AddChannel(C v, double* sums) const {
    if (IsHome()) sums[lane * targets.channel_step] += static_cast<double>(v);
  }

  // The only lane there is, by its number.
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

// What a thread keeps in registers of kLanes windows of kTaps taps each.
template <class Math, class C, int kTaps, int kLanes>
struct Registers {
  C tap_in[Math::kTapInputs][kTaps][kLanes];
  C window_in[Math::kWindowInputs + 1][kLanes];
  C window_out[Math::kWindowOutputs + 1][kLanes];
  C tap_out[Math::kTapOutputs + 1][kTaps][kLanes];
  // Bit i: lane i was done in memory, for its numbers were such that it had to be.
  uint32_t in_memory = 0;
};

// One of several windows in registers. Tap i has the offset i.
template <class Math_, class T_, Sink kSink, int kTaps_, int kLanes, int kLane>
struct RegisterWindow {
  using Math = Math_;
  using T = T_;
  using C = ComputeType<T>;
  using D = hn::ScalableTag<C>;
  static constexpr int kTaps = kTaps_;

  Registers<Math, C, kTaps, kLanes>& registers;
  MemoryWindow<Math, T, kSink> memory;  // the same window

  HWY_INLINE static int64_t Taps() { return kTaps; }
  template <class F>
  HWY_INLINE void ForEach(const F& f) const {
    Unrolled(f, std::make_integer_sequence<int, kTaps>());
  }
  template <class F, int... kIndex>
  HWY_INLINE void Unrolled(const F& f, std::integer_sequence<int, kIndex...>) const {
    (f(int64_t{kIndex}, Tap{kIndex, kIndex}), ...);
  }
  HWY_INLINE MemoryWindow<Math, T, kSink> AnySize() const {
    registers.in_memory |= 1u << kLane;
    return memory;
  }
  HWY_INLINE bool IsHome() const { return memory.IsHome(); }

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

#endif  // TF_SOFTPOOL_KERNELS_CUDA_DEVICE_WINDOW_H_
