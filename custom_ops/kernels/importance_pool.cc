#include "kernels/importance_pool.h"

#include "kernels/importance_lane.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/importance_pool.cc"
#include <hwy/foreach_target.h>
// The target's headers follow it.
#include <hwy/highway.h>

#include "kernels/importance-inl.h"
#include "kernels/walk-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// The average of x_i by e^(l_i - m), m the window's largest logit.
template <class C>
struct ImportancePoolMath : PoolMath {
  static constexpr int kTapInputs = 2, kWindowOutputs = 1;
  static constexpr int kCyclesPerTap = 2;

  AverageMemory<C> memory;
  ImportanceLane<WiderType<C>> by_the_book;

  template <class W>
  HWY_INLINE void Run(const W& window) {
    using D = typename W::D;
    if (W::kTaps == 0 && window.box.Total() > kMostTapsInLanes) {
      return RunByTheBook(window.AnySize(), hn::FirstN(D(), 0));
    }
    WeightedAverage<W, false> average(window, &memory);
    AverageByImportance(window, &average);
    window.StoreWindow(average.Average());
    const auto finite = hn::IsFinite(average.Average());
    if (HWY_UNLIKELY(!hn::AllTrue(D(), finite))) RunByTheBook(window.AnySize(), finite);
  }

  // For the lanes that are not `done`.
  template <class W>
  HWY_NOINLINE void RunByTheBook(const W& window, M<typename W::D> done) {
    ForEachUnset(window, done, [&](size_t lane) {
      GatherLane<0>(window, lane, &by_the_book.x);
      GatherLane<1>(window, lane, &by_the_book.logits);
      by_the_book.Run();
      window.StoreLane(static_cast<C>(by_the_book.y), lane);
    });
  }
};

void ImportancePoolTarget(DataType type, const PoolGeometry& g, const void* x, const void* logits,
                          void* y, const ParallelFor& parallel) {
  WithType(type, [&](auto value) {
    using T = decltype(value);
    using Math = ImportancePoolMath<ComputeType<T>>;
    const Tensors<T, Math> tensors{
        {static_cast<const T*>(x), static_cast<const T*>(logits)}, {}, {static_cast<T*>(y)}, {}};
    Pool(Math(), g, tensors, parallel);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {

HWY_EXPORT(ImportancePoolTarget);

void ImportancePool(DataType type, const PoolGeometry& geometry, const void* x, const void* logits,
                    void* y, const ParallelFor& parallel) {
  if (geometry.Empty()) return;
  HWY_DYNAMIC_DISPATCH(ImportancePoolTarget)(type, geometry, x, logits, y, parallel);
}

}  // namespace softpool
#endif  // HWY_ONCE
