// What it takes to do single lanes of a vector again, slowly, where a window's numbers are such
// that the quick way is not right for them.
#if defined(TF_SOFTPOOL_KERNELS_SINGLE_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_SINGLE_LANES_INL_H_
#undef TF_SOFTPOOL_KERNELS_SINGLE_LANES_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_SINGLE_LANES_INL_H_
#endif

#if defined(SOFTPOOL_ONE_LANE)
#include "kernels/taps-inl.h"
#else
#include <vector>

#include "kernels/window-inl.h"
#endif

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

#if defined(SOFTPOOL_ONE_LANE)

template <class W, class F>
HWY_INLINE void ForEachUnset(const W&, bool mask, const F& f) {
  if (!mask) f(size_t{0});
}
template <class W, class F>
HWY_INLINE void ForEachOwnLane(const W&, const F& f) {
  f(size_t{0});
}
template <class D>
HWY_INLINE V<D> WithLane(D, V<D>, size_t, hn::TFromD<D> value) {
  return value;
}

#else

// Calls f for each of a window's lanes that is not set in the mask, also for lanes that a
// neighbouring vector has too: what this one stores overwrites what that one has.
template <class W, class F>
HWY_INLINE void ForEachUnset(const W& window, M<typename W::D> mask, const F& f) {
  using D = typename W::D;
  uint8_t bits[8] = {};
  hn::StoreMaskBits(D(), mask, bits);
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

// The values of tensor `kWhich` in one lane's window.
template <int kWhich = 0, class Real, class W>
std::vector<Real> GatherLane(const W& window, size_t lane) {
  std::vector<Real> values;
  window.ForEach([&](int64_t, const Tap& tap) {
    values.push_back(static_cast<Real>(window.template LoadLane<kWhich>(tap, lane)));
  });
  return values;
}

// The vector with another value in one lane.
template <class D>
HWY_INLINE V<D> WithLane(D d, V<D> v, size_t lane, hn::TFromD<D> value) {
  HWY_ALIGN hn::TFromD<D> lanes[HWY_MAX_BYTES / sizeof(hn::TFromD<D>)];
  hn::Store(v, d, lanes);
  lanes[lane] = value;
  return hn::Load(d, lanes);
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
