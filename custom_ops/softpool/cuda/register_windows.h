// Windows of a size that the compiler knows. They are loaded into registers with as few
// instructions as memory allows, pooled there, and stored the same way.
#ifndef SOFTPOOL_CUDA_REGISTER_WINDOWS_H_
#define SOFTPOOL_CUDA_REGISTER_WINDOWS_H_

#include "softpool/cuda/device_window.h"

namespace softpool {
namespace HWY_NAMESPACE {

// How a thread's values lie in memory: kVector values side by side. If kRowTaps is one, they are
// kVector channels of one tap. If kRowTaps is larger, they are kRowTaps taps of each of several
// windows that are neighbours in a row.
template <int kVector_, int kRowTaps_>
struct Layout {
  static constexpr int kVector = kVector_;
  static constexpr int kRowTaps = kRowTaps_;
  static constexpr int kLanes = kVector / kRowTaps;
  static constexpr bool kChannels = kRowTaps == 1;
};

// The size of a window along each axis. Zeros stand for any size.
template <int k0, int k1, int k2>
struct Size {
  static constexpr int kTaps = k0 * k1 * k2;
};
using AnySize = Size<0, 0, 0>;

// Loads, pools and stores kLanes windows, beginning with the window that Run() is given.
template <class Math, class T, Sink kSink, class Size_, class L>
struct RegisterWindows;

template <class Math, class T, Sink kSink, int k0, int k1, int k2, class L>
struct RegisterWindows<Math, T, kSink, Size<k0, k1, k2>, L> {
  using C = ComputeType<T>;
  using Memory = MemoryWindow<Math, T, kSink>;
  static constexpr int kTaps = k0 * k1 * k2;
  static constexpr int kLanes = L::kLanes;

  HWY_INLINE static void Run(Math& math, const Memory& window) {
    Registers<Math, C, kTaps, kLanes> registers;
    Load(window, &registers);
    Repeat<kLanes>([&](auto lane) {
      constexpr int kLane = decltype(lane)::value;
      const RegisterWindow<Math, T, kSink, kTaps, kLanes, kLane> one{
          registers, window.Neighbour(kLane, L::kRowTaps)};
      static_assert(KeepsContract<std::decay_t<decltype(one)>>());
      math.Run(one);
    });
    Store(window, registers);
  }

 private:
  // Calls f(offset, first tap) for each vector of the windows' taps.
  template <class F>
  HWY_INLINE static void ForEachVector(const TapBox& box, const F& f) {
    Repeat<k0>([&](auto i) {
      Repeat<k1>([&](auto j) {
        const int64_t row = i.value * box.step[0] + j.value * box.step[1];
        Repeat<k2 / L::kRowTaps>([&](auto k) {
          constexpr int kFirst = (i.value * k1 + j.value) * k2 + k.value * L::kRowTaps;
          f(row + k.value * L::kRowTaps * box.step[2], std::integral_constant<int, kFirst>());
        });
      });
    });
  }

  HWY_INLINE static void Load(const Memory& window, Registers<Math, C, kTaps, kLanes>* registers) {
    Repeat<Math::kTapInputs>([&](auto which) {
      const T* base = window.tensors.tap_in[which.value] + window.place.in;
      ForEachVector(window.box, [&](int64_t offset, auto first) {
        const auto pack = *reinterpret_cast<const Pack<T, L::kVector>*>(base + offset);
        Repeat<L::kVector>([&](auto v) {
          constexpr int kTap = first.value + v.value % L::kRowTaps;
          registers->tap_in[which.value][kTap][v.value / L::kRowTaps] =
              LoadOne(&pack.values[v.value]);
        });
      });
    });
    Repeat<Math::kWindowInputs>([&](auto which) {
      const T* base = window.tensors.window_in[which.value];
      if (base == nullptr) return;
      const auto pack = *reinterpret_cast<const Pack<T, kLanes>*>(base + window.place.out);
      Repeat<kLanes>([&](auto v) {
        registers->window_in[which.value][v.value] = LoadOne(&pack.values[v.value]);
      });
    });
  }

  HWY_INLINE static void Store(const Memory& window,
                               const Registers<Math, C, kTaps, kLanes>& registers) {
    constexpr uint32_t kAll = (1u << kLanes) - 1;
    if (registers.in_memory == kAll) return;
    Repeat<Math::kWindowOutputs>([&](auto which) {
      T* base = window.tensors.window_out[which.value];
      if (base == nullptr || !window.IsOwner()) return;
      StorePack<kLanes, 1>(registers.in_memory, base + window.place.out,
                           [&](auto v) { return registers.window_out[which.value][v.value]; });
    });
    Repeat<Math::kTapOutputs>([&](auto which) {
      if constexpr (kSink == Sink::kAdd) {
        if (registers.in_memory == 0) Add(window, registers, which);
      } else {
        T* base = window.tensors.tap_out[which.value] + window.place.in;
        ForEachVector(window.box, [&](int64_t offset, auto first) {
          StorePack<L::kVector, L::kRowTaps>(registers.in_memory, base + offset, [&](auto v) {
            constexpr int kTap = first.value + v.value % L::kRowTaps;
            return registers.tap_out[which.value][kTap][v.value / L::kRowTaps];
          });
        });
      }
    });
  }

  // Stores value(v) at p[v]: all values at once if no lane was pooled in memory, otherwise the
  // values of the other lanes one by one.
  template <int kVector, int kPerLane, class F>
  HWY_INLINE static void StorePack(uint32_t in_memory, T* p, const F& value) {
    Pack<T, kVector> pack;
    Repeat<kVector>([&](auto v) { StoreOne(value(v), &pack.values[v.value]); });
    if (in_memory == 0) {
      *reinterpret_cast<Pack<T, kVector>*>(p) = pack;
      return;
    }
    Repeat<kVector>([&](auto v) {
      if (!(in_memory >> (v.value / kPerLane) & 1)) p[v.value] = pack.values[v.value];
    });
  }

  // Adds one window's gradients to sums that windows share.
  template <class Which>
  HWY_INLINE static void Add(const Memory& window,
                             const Registers<Math, C, kTaps, kLanes>& registers, Which which) {
    static_assert(kLanes == 1, "windows add to shared sums one by one");
    const TapBox& box = window.box;
    C* base = window.targets.sums[which.value] + window.targets.first;
    Repeat<k0>([&](auto i) {
      Repeat<k1>([&](auto j) {
        const bool wanted = box.Wants(0, i.value) && box.Wants(1, j.value);
        const int64_t row = i.value * box.target_step[0] + j.value * box.target_step[1];
        Repeat<k2>([&](auto k) {
          constexpr int kTap = (i.value * k1 + j.value) * k2 + k.value;
          if (!wanted || !box.Wants(2, k.value)) return;
          base[row + k.value * box.target_step[2]] += registers.tap_out[which.value][kTap][0];
        });
      });
    });
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool

#endif  // SOFTPOOL_CUDA_REGISTER_WINDOWS_H_
