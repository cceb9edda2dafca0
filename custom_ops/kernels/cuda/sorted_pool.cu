// Sorted-weight pooling on a device.
#define SOFTPOOL_ONE_LANE
#include "kernels/sorted_pool.h"

#include "kernels/cuda/large_sorted.h"
#include "kernels/cuda/pool.h"
#include "kernels/cuda/ranked_window.h"
#include "kernels/sorted_pool-inl.h"

namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
struct DeviceSortedPoolMath : SortedPoolFew<C, DeviceRankWeights<C>> {
  using Few = SortedPoolFew<C, DeviceRankWeights<C>>;
  using Few::Few;

  template <class W>
  HWY_INLINE void Run(const W& window) {
    if constexpr (W::kTaps > 0) {
      Few::RunFew(window, [&](const auto& any, bool) { RunAny(any); });
    } else {
      RunAny(window);
    }
  }

  template <class W>
  HWY_NOINLINE void RunAny(const W& window) const {
    RankedWindow<C> by_the_book;
    const bool ranked = by_the_book.Rank(window, Few::weights);
    window.StoreWindow(ranked
                           ? WeighedSum(by_the_book.ranked, by_the_book.weights, by_the_book.count)
                           : std::numeric_limits<C>::quiet_NaN());
  }
};

template <class T>
std::string RunSortedPool(const PoolGeometry& g, const RankLogits& logits, const void* x, void* y,
                          const CudaStream& cuda) {
  using C = ComputeType<T>;
  if (g.LargestWindow() > kMostTapsInLanes) {
    LargeSorted<T> large(g, logits, static_cast<const T*>(x), cuda);
    return large.Pool(static_cast<T*>(y));
  }
  using Math = DeviceSortedPoolMath<C>;
  DeviceRankWeights<C> weights;
  const std::string error = MakeRankWeights(logits, g, cuda, &weights);
  if (!error.empty()) return error;
  const Tensors<T, Math> tensors{{static_cast<const T*>(x)}, {}, {static_cast<T*>(y)}, {}};
  return Pooling<Math, T>(Math(weights), g, tensors, cuda).Run();
}

}  // namespace HWY_NAMESPACE

std::string SortedPool(DataType type, const PoolGeometry& geometry, const RankLogits& logits,
                       const void* x, void* y, const CudaStream& cuda) {
  if (geometry.Empty()) return "";
  std::string error;
  WithType(type, [&](auto value) {
    error = HWY_NAMESPACE::RunSortedPool<decltype(value)>(geometry, logits, x, y, cuda);
  });
  return error;
}

}  // namespace softpool
