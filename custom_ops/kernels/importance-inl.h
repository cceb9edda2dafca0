// The weights of importance pooling in a window.
#if defined(TF_SOFTPOOL_KERNELS_IMPORTANCE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_IMPORTANCE_INL_H_
#undef TF_SOFTPOOL_KERNELS_IMPORTANCE_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_IMPORTANCE_INL_H_
#endif

#include <hwy/highway.h>

#include "kernels/single_lanes-inl.h"
#include "kernels/softmax-inl.h"
#include "kernels/weighted_average-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// Averages tensor 0 by the softmax of tensor 1. Not finite where a value is not, or the largest
// logit, or where a value times a scaled exponential overflows.
template <class W>
HWY_INLINE void AverageByImportance(const W& window, WeightedAverage<W, false>* average) {
  using D = typename W::D;
  const TapValues<W, 1> logits(window);
  const V<D> largest = Largest(window, logits);
  window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
    V<D> distance = hn::Sub(logits.At(i, tap), largest);
    average->SetValue(i, window.template Load<0>(tap));
    average->Weigh(i, ScaledExp(D(), &distance));
  });
  average->Finish();
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
