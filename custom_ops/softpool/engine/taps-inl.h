// The taps of a window, what is kept of each tap, and the contract of a window: what a pooling's
// mathematics may ask of a window, on a CPU and on a GPU.
#if defined(SOFTPOOL_ENGINE_TAPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_ENGINE_TAPS_INL_H_
#undef SOFTPOOL_ENGINE_TAPS_INL_H_
#else
#define SOFTPOOL_ENGINE_TAPS_INL_H_
#endif

#include <array>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "softpool/engine/geometry.h"
#include "softpool/engine/tiling.h"
#include "softpool/simd/load_store-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// Windows of more than kMostTapsInLanes taps are pooled lane by lane. LaneMemory is the memory that
// mathematics may keep for the taps of a window, if the compiler does not know the window's size.
#if defined(SOFTPOOL_ONE_LANE)
inline constexpr bool kOneLane = true;
// A thread's own memory has a fixed size and is slow.
inline constexpr int64_t kMostTapsInLanes = 64;
// No memory is kept from one window to the next.
template <class C>
struct LaneMemory {};
#else
inline constexpr bool kOneLane = false;
// Lanes side by side need the memory of one window for every lane. With more taps, that memory
// would not fit the cache.
inline constexpr int64_t kMostTapsInLanes = 4096;
template <class C>
using LaneMemory = std::vector<C>;
#endif

// A position in a window: its offset from the window's first tap, both in the inputs and in the
// gradients, and its place in a whole window, counted in row-major order. A window that the border
// cuts lacks some places.
struct Tap {
  int64_t offset;
  int64_t target;
  int64_t place;
};
inline constexpr int64_t kUnwanted = -1;

// The taps that windows of one shape have in common. Only taps inside [wanted_begin, wanted_end)
// receive gradients.
struct TapBox {
  int64_t count[kAxes];
  int64_t first_place[kAxes];  // the places that are cut off before the first tap
  int64_t whole[kAxes];        // the size of a whole window
  std::array<int64_t, kAxes> step;
  std::array<int64_t, kAxes> target_step;
  int64_t wanted_begin[kAxes];
  int64_t wanted_end[kAxes];

  // Sets what windows at `o` along an axis have in common, except the steps. Gradients are wanted
  // inside `part`.
  HWY_INLINE void SetAxis(int i, const PoolAxis& axis, int64_t o, Range part) {
    const int64_t begin = axis.Begin(o);
    count[i] = axis.End(o) - begin;
    first_place[i] = begin - axis.Start(o);
    whole[i] = axis.window;
    wanted_begin[i] = HWY_MAX(part.begin - begin, 0);
    wanted_end[i] = HWY_MIN(part.end - begin, count[i]);
  }

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
        const int64_t place_row = RowPlace(i, j);
        for (int64_t k = 0; k < count[2]; ++k) {
          const int64_t target =
              wanted && Wants(2, k) ? target_row + k * target_step[2] : kUnwanted;
          f(index++, Tap{row + k * step[2], target, place_row + k});
        }
      }
    }
  }

 private:
  // Computed without signs: places may overflow in windows that are far larger than the input. No
  // pooling has weights for so many places.
  HWY_INLINE int64_t RowPlace(int64_t i, int64_t j) const {
    const uint64_t plane = static_cast<uint64_t>(i + first_place[0]);
    const uint64_t row = static_cast<uint64_t>(j + first_place[1]);
    const uint64_t row_of_all = plane * static_cast<uint64_t>(whole[1]) + row;
    return static_cast<int64_t>(row_of_all * static_cast<uint64_t>(whole[2])) + first_place[2];
  }
};

// How gradients leave a window. They are stored if each input belongs to one window, and added up
// if windows share inputs.
enum class Sink { kStore, kAdd };

// The values of tensor `kWhich` at all taps. If the compiler knows the number of taps, the values
// are loaded only once.
template <class W, int kWhich = 0>
class TapValues {
 public:
  using D = typename W::D;

  HWY_INLINE explicit TapValues(const W& window) : window_(window) {
    if constexpr (W::kTaps > 0) {
      window.ForEach([&](int64_t i, const Tap& tap)
                         HWY_ATTR { values_[i] = window.template Load<kWhich>(tap); });
    }
  }
  HWY_INLINE V<D> At(int64_t index, const Tap& tap) const {
    if constexpr (W::kTaps > 0) return values_[index];
    return window_.template Load<kWhich>(tap);
  }
  HWY_INLINE V<D> Largest() const {
    V<D> m = hn::Set(D(), -std::numeric_limits<hn::TFromD<D>>::infinity());
    window_.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR { m = Larger(D(), At(i, tap), m); });
    return m;
  }

 private:
  const W& window_;
  V<D> values_[W::kTaps > 0 ? W::kTaps : 1];
};

// A vector for each tap. It is in registers if the compiler knows the number of taps. If not, it is
// in memory that the pooling keeps, or on a GPU in the thread's own memory.
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
  // Sets one lane of a vector that is kept in memory.
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

template <class Expected, class Actual>
constexpr bool Returns() {
  static_assert(std::is_same_v<Expected, Actual>, "a window breaks its contract");
  return std::is_same_v<Expected, Actual>;
}

// The contract of a window, or of several windows side by side, one for each lane of a vector.
// Every driver asserts that its windows keep this contract.
//
//   D, T, Sum    the tag of its vectors, its tensors' type, the type that AddChannel() adds in
//   kTaps        the number of taps, or zero if the compiler does not know it
//   Taps()       the number of taps
//   ForEach(f)   calls f(index, tap) for each tap, in row-major order
//   AnySize()    the same window with kTaps zero. Mathematics must finish the window there: a GPU
//                drops what it keeps of this one in registers
//   Load<i>      the value of the i-th tensor with a value for each tap, at a tap
//   LoadWindow<i>, HasWindow<i>   the value of the i-th input with a value for each window, and
//                whether this input is there
//   LoadChannel  the value of a table with one value for each channel
//   LoadDraw     the window's random number, from 0 to less than 1
//   StoreWindow<i>   stores the value of the i-th result with a value for each window
//   Emit<i>      sends a gradient to a tap
//   IsOwner      whether this visit stores the window's own results, not only gradients of taps. If
//                tiles share a window, several visits see the window, and one of them owns it
//   AddChannel   adds to sums over all windows, one for each channel, if this visit is the owner
//
// If kTaps is zero, the window offers the same for one lane, by its number: LoadLane,
// LoadWindowLane, LoadChannelLane, StoreLane, EmitLane, AddChannelLane.
template <class W>
constexpr bool KeepsContract() {
  using D = typename W::D;
  using C = hn::TFromD<D>;
  bool kept = Returns<hn::ScalableTag<ComputeType<typename W::T>>, D>();
#define SOFTPOOL_WINDOW_RETURNS(Type, call) \
  kept = kept && Returns<Type, decltype(std::declval<const W&>().call)>()
  SOFTPOOL_WINDOW_RETURNS(int64_t, Taps());
  SOFTPOOL_WINDOW_RETURNS(V<D>, template Load<0>(Tap()));
  SOFTPOOL_WINDOW_RETURNS(V<D>, template LoadWindow<0>());
  SOFTPOOL_WINDOW_RETURNS(bool, template HasWindow<0>());
  SOFTPOOL_WINDOW_RETURNS(V<D>, LoadChannel(std::declval<const C*>()));
  SOFTPOOL_WINDOW_RETURNS(V<D>, LoadDraw());
  SOFTPOOL_WINDOW_RETURNS(void, template StoreWindow<0>(std::declval<V<D>>()));
  SOFTPOOL_WINDOW_RETURNS(void, template Emit<0>(Tap(), std::declval<V<D>>()));
  SOFTPOOL_WINDOW_RETURNS(bool, IsOwner());
  SOFTPOOL_WINDOW_RETURNS(void, AddChannel(std::declval<V<D>>(), std::declval<typename W::Sum*>()));
  SOFTPOOL_WINDOW_RETURNS(void, ForEach(std::declval<void (*)(int64_t, const Tap&)>()));
  if constexpr (W::kTaps == 0) {
    SOFTPOOL_WINDOW_RETURNS(C, template LoadLane<0>(Tap(), size_t()));
    SOFTPOOL_WINDOW_RETURNS(C, template LoadWindowLane<0>(size_t()));
    SOFTPOOL_WINDOW_RETURNS(C, LoadChannelLane(std::declval<const C*>(), size_t()));
    SOFTPOOL_WINDOW_RETURNS(void, template StoreLane<0>(C(), size_t()));
    SOFTPOOL_WINDOW_RETURNS(void, template EmitLane<0>(Tap(), C(), size_t()));
    SOFTPOOL_WINDOW_RETURNS(void, AddChannelLane(C(), std::declval<typename W::Sum*>(), size_t()));
  } else {
    kept = kept && KeepsContract<decltype(std::declval<const W&>().AnySize())>();
  }
#undef SOFTPOOL_WINDOW_RETURNS
  return kept;
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
