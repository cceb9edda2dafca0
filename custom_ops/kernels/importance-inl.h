// The weights of importance pooling in a window.
#if defined(TF_SOFTPOOL_KERNELS_IMPORTANCE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_IMPORTANCE_INL_H_
#undef TF_SOFTPOOL_KERNELS_IMPORTANCE_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_IMPORTANCE_INL_H_
#endif

#include "kernels/data_type.h"
#include "kernels/importance_lane.h"
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

// One lane's window.
template <class W>
HWY_INLINE auto ImportanceByTheBook(const W& window, [[maybe_unused]] size_t lane) {
  using Real = WiderType<hn::TFromD<typename W::D>>;
  ImportanceLane<Real> by_the_book;
#if defined(SOFTPOOL_ONE_LANE)
  by_the_book.Run([&](const auto& f) {
    window.ForEach([&](int64_t, const Tap& tap) {
      f(static_cast<Real>(window.template Load<0>(tap)),
        static_cast<Real>(window.template Load<1>(tap)));
    });
  });
#else
  // Compiled once for all targets.
  RunByTheBook(GatherLane<0, Real>(window, lane), GatherLane<1, Real>(window, lane), &by_the_book);
#endif
  return by_the_book;
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
