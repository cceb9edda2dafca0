// The CUDA kernel of sorted-weight pooling.
#define SOFTPOOL_ONE_LANE
#include "softpool/cuda/driver.h"
#include "softpool/poolings/sorted/device_ranks.h"
#include "softpool/poolings/sorted/large_sorted.h"
#include "softpool/poolings/sorted/sorted_pool-inl.h"

namespace softpool {
namespace HWY_NAMESPACE {
namespace {

template <class C>
struct DeviceSortedPoolMath : SortedPoolFew<C, DeviceRankWeights<C>> {
  using Few = SortedPoolFew<C, DeviceRankWeights<C>>;
  using Few::Few;

  template <class W>
  HWY_INLINE void Run(const W& window) {
    if constexpr (W::kTaps > 0) {
      Few::RunFew(window, [&](const auto& w, auto&&...) { RunAny(w.AnySize()); });
    } else {
      RunAny(window);
    }
  }

  template <class W>
  HWY_NOINLINE void RunAny(const W& window) const {
    RankedWindow<C> reference;
    const bool ranked = reference.Rank(window, Few::weights);
    window.StoreWindow(ranked ? WeighedSum(reference.ranked, reference.weights, reference.count)
                              : std::numeric_limits<C>::quiet_NaN());
  }
};

template <class T>
std::string Run(const Call& call, const CudaStream& cuda) {
  using C = ComputeType<T>;
  if (call.geometry.LargestWindow() > kMostTapsInLanes) {
    return LargeSorted<T>(call, cuda).Pool(static_cast<T*>(call.outputs[0].data));
  }
  using Math = DeviceSortedPoolMath<C>;
  DeviceRankWeights<C> weights;
  const std::string error = MakeRankWeights(call, cuda, &weights);
  if (!error.empty()) return error;
  return Driver<Math, T>(Math(weights), call.geometry, TensorsOf<T, Math>(call), cuda).Run();
}

std::string SortedPool(const Call& call, const CudaStream& cuda) {
  return OnEachType(call, cuda, [&](auto value) { return Run<decltype(value)>(call, cuda); });
}

[[maybe_unused]] const bool kRegistered = RegisterKernel("Softpool>SortedPool", SortedPool);

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace softpool
