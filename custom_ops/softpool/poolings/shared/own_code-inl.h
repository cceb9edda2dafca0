// Windows for functions that are not inlined, such as those for rare numbers.
#if defined(SOFTPOOL_POOLINGS_SHARED_OWN_CODE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SHARED_OWN_CODE_INL_H_
#undef SOFTPOOL_POOLINGS_SHARED_OWN_CODE_INL_H_
#else
#define SOFTPOOL_POOLINGS_SHARED_OWN_CODE_INL_H_
#endif

#include "softpool/engine/taps-inl.h"
#if !defined(SOFTPOOL_ONE_LANE)
#include "softpool/engine/window-inl.h"
#endif

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// Returns a window for a function that is not inlined. It is a copy: only its address is taken, so
// the window itself can stay in registers. Where code for each number of taps would take longer to
// compile than it saves, the function serves windows of all sizes.
template <class W>
HWY_INLINE auto ForOwnCode(const W& window) {
#if defined(SOFTPOOL_ONE_LANE)
  return window.AnySize();
#else
  if constexpr (kUnrollsRareCases<decltype(W::lanes)>) {
    return W(window);
  } else {
    return window.AnySize();
  }
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
