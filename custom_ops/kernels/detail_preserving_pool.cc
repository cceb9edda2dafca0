#include "kernels/detail_preserving_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/detail_preserving_pool.cc"
#include <hwy/foreach_target.h>
// The target's headers follow it.
#include <hwy/highway.h>

#include "kernels/detail-inl.h"
#include "kernels/walk-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
struct DetailPoolMath : PoolMath {
  static constexpr int kWindowInputs = 1, kWindowOutputs = 1;
  static constexpr int kCyclesPerTap = 3;
  static constexpr bool kUsesChannels = true;

  DetailTables<C> tables;
  AverageMemory<C> memory;
  DetailLane<WiderType<C>> by_the_book;

  explicit DetailPoolMath(const DetailTables<C>& tables) : tables(tables) {}

  template <class W>
  HWY_INLINE void Run(const W& window) {
    using D = typename W::D;
    if (W::kTaps == 0 && window.box.Total() > kMostTapsInLanes) {
      return RunByTheBook(window.AnySize(), hn::FirstN(D(), 0));
    }
    const DetailWeights<W, 0> weights(window, tables, &memory, [](auto&&...) {});
    window.StoreWindow(weights.Average().Average());
    if (HWY_UNLIKELY(!hn::AllTrue(D(), weights.Right()))) {
      RunByTheBook(window.AnySize(), weights.Right());
    }
  }

  // For the lanes that are not `done`.
  template <class W>
  HWY_NOINLINE void RunByTheBook(const W& window, M<typename W::D> done) {
    ForEachUnset(window, done, [&](size_t lane) {
      GatherDetail<0>(window, lane, tables, &by_the_book);
      by_the_book.Run(/*with_gradients=*/false);
      window.StoreLane(static_cast<C>(by_the_book.y), lane);
    });
  }
};

void DetailPoolTarget(DataType type, const PoolGeometry& g, const DetailInputs& inputs, void* y,
                      const ParallelFor& parallel) {
  const ScopedSubnormals subnormals;
  WithType(type, [&](auto value) {
    using T = decltype(value);
    using C = ComputeType<T>;
    const Tensors<T, DetailPoolMath<C>> tensors{{static_cast<const T*>(inputs.x)},
                                                {static_cast<const T*>(inputs.guide)},
                                                {static_cast<T*>(y)},
                                                {}};
    Pool(DetailPoolMath<C>(DetailTables<C>(inputs.parameters, g.Channels())), g, tensors, parallel);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {

HWY_EXPORT(DetailPoolTarget);

void DetailPreservingPool(DataType type, const PoolGeometry& geometry, const DetailInputs& inputs,
                          void* y, const ParallelFor& parallel) {
  if (geometry.Empty()) return;
  HWY_DYNAMIC_DISPATCH(DetailPoolTarget)(type, geometry, inputs, y, parallel);
}

}  // namespace softpool
#endif  // HWY_ONCE
