// The taps of a window, and what is kept of each of them.
#if defined(TF_SOFTPOOL_KERNELS_TAPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_TAPS_INL_H_
#undef TF_SOFTPOOL_KERNELS_TAPS_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_TAPS_INL_H_
#endif

#include <array>
#include <utility>

#include "kernels/arithmetic-inl.h"
#include "kernels/geometry.h"
#include "kernels/lane_memory.h"

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

  HWY_INLINE int64_t Total() const { return count[0] * count[1] * count[2]; }
  HWY_INLINE bool Wants(int axis, int64_t i) const {
    return i >= wanted_begin[axis] && i < wanted_end[axis];
  }

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
// that the pooling keeps, or a thread has.
template <class W>
class TapRow {
 public:
  using D = typename W::D;

  HWY_INLINE TapRow(const W& window, LaneMemory<hn::TFromD<D>>* memory) {
    if constexpr (kKept) {
      memory->resize(window.Taps() * hn::Lanes(D()));
      memory_ = memory->data();
    }
  }
  HWY_INLINE void Set(int64_t index, V<D> v) {
    if constexpr (kKept) {
      hn::StoreU(v, D(), memory_ + index * hn::Lanes(D()));
    } else {
      values_[index] = v;
    }
  }
  HWY_INLINE V<D> At(int64_t index) const {
    if constexpr (kKept) {
      return hn::LoadU(D(), memory_ + index * hn::Lanes(D()));
    } else {
      return values_[index];
    }
  }
  // One of a vector kept in memory.
  HWY_INLINE void SetLane(int64_t index, size_t lane, hn::TFromD<D> value) {
    if constexpr (kKept) {
      memory_[index * hn::Lanes(D()) + lane] = value;
    } else {
      static_assert(W::kTaps == 0, "vectors in registers have no lanes to set");
      values_[index] = value;
    }
  }

 private:
  static constexpr bool kKept = W::kTaps == 0 && !kOneLane;

  V<D> values_[W::kTaps > 0 ? W::kTaps : kOneLane ? kMostTapsInLanes : 1];
  hn::TFromD<D>* memory_ = nullptr;
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
