// What softmax weights need of a window: its largest value, and the distances from it.
#if defined(TF_SOFTPOOL_KERNELS_SOFTMAX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_SOFTMAX_INL_H_
#undef TF_SOFTPOOL_KERNELS_SOFTMAX_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_SOFTMAX_INL_H_
#endif

#include <limits>

#include "kernels/exponential-inl.h"
#include "kernels/taps-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class W, int kWhich>
HWY_INLINE V<typename W::D> Largest(const W& window, const TapValues<W, kWhich>& values) {
  using D = typename W::D;
  V<D> m = hn::Set(D(), -std::numeric_limits<hn::TFromD<D>>::infinity());
  window.ForEach([&](int64_t i, const Tap& tap)
                     HWY_ATTR { m = Larger(D(), values.At(i, tap), m); });
  return m;
}

// a - m. Where m may be infinite, values equal to it are zero away from it rather than NaN: what
// follows then gives the limit.
template <bool kInfinite, class D>
HWY_INLINE V<D> Distance(D, V<D> a, V<D> m) {
  if constexpr (!kInfinite) return hn::Sub(a, m);
  return hn::IfThenZeroElse(hn::Eq(a, m), hn::Sub(a, m));
}

template <class D>
HWY_INLINE bool AnyInfinite(D d, V<D> m) {
  const auto infinity = hn::Set(d, std::numeric_limits<hn::TFromD<D>>::infinity());
  return !hn::AllFalse(d, hn::Eq(hn::Abs(m), infinity));
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
