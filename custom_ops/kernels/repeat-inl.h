// Loops that the compiler unrolls, each turn with its number as a type.
#if defined(TF_SOFTPOOL_KERNELS_REPEAT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_REPEAT_INL_H_
#undef TF_SOFTPOOL_KERNELS_REPEAT_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_REPEAT_INL_H_
#endif

#include <type_traits>
#include <utility>

#include "kernels/simd.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// Calls f with each number from 0 to kCount - 1, as a type.
template <class F, int... kIndex>
HWY_INLINE void RepeatEach(const F& f, std::integer_sequence<int, kIndex...>) {
  (f(std::integral_constant<int, kIndex>()), ...);
}
template <int kCount, class F>
HWY_INLINE void Repeat(const F& f) {
  RepeatEach(f, std::make_integer_sequence<int, kCount>());
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
