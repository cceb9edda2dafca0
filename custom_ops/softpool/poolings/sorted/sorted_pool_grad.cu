// The CUDA kernel of sorted-weight pooling's gradients.
#define SOFTPOOL_ONE_LANE
#include "softpool/cuda/driver.h"
#include "softpool/poolings/sorted/device_ranks.h"
#include "softpool/poolings/sorted/large_sorted.h"
#include "softpool/poolings/sorted/sorted_pool-inl.h"

namespace softpool {
namespace HWY_NAMESPACE {
namespace {

template <class C>
struct DeviceSortedPoolGradMath : SortedPoolGradFew<C, DeviceRankWeights<C>, ThreadSumming> {
  using Few = SortedPoolGradFew<C, DeviceRankWeights<C>, ThreadSumming>;
  using Few::Few;
  using Few::sums;
  using Few::weights;

  template <class W>
  HWY_INLINE void Run(const W& window) {
    if constexpr (W::kTaps > 0) {
      Few::RunFew(window, [&](const auto& w, auto&&...) { RunAny(w.AnySize()); });
    } else {
      RunAny(window);
    }
  }

  // Uses the reference path. A NaN in the window makes all of its gradients NaN.
  template <class W>
  HWY_NOINLINE void RunAny(const W& window) const {
    constexpr C kNaN = std::numeric_limits<C>::quiet_NaN();
    RankedWindow<C> reference;
    const bool ranked = reference.Rank(window, weights);
    const C g = window.LoadWindow();
    const int64_t taps = window.Taps();
    C to_taps[kMostTapsInLanes], to_logits[kMostTapsInLanes];
    for (int64_t i = 0; i < taps; ++i) to_taps[i] = to_logits[i] = ranked ? C{0} : kNaN;
    if (ranked) {
      for (int64_t r = 0; r < reference.count; ++r) {
        to_taps[reference.ranked[r].index] = g * reference.weights[r];
      }
      LogitGradients(reference.ranked, reference.weights, reference.count, g, weights.IsSoftmax(),
                     to_logits);
    }
    window.ForEach([&](int64_t i, const Tap& tap) { window.Emit(tap, to_taps[i]); });
    const int64_t ranks = HWY_MIN(taps, weights.Ranks());
    for (int64_t r = 0; r < ranks; ++r) window.AddChannel(to_logits[r], sums.Row(r));
  }
};

template <class T>
std::string Run(const Call& call, const CudaStream& cuda) {
  using C = ComputeType<T>;
  const RankLogits<C> logits(call);
  const Tensor& rank_gradient = call.Output("rank_grad");
  C* to_logits = static_cast<C*>(rank_gradient.data);
  // Ranks that occur in no window have a gradient of zero.
  std::string error = Clear(to_logits, rank_gradient.Bytes(), cuda);
  if (!error.empty()) return error;
  const T* gradient = static_cast<const T*>(call.Input("grad").data);
  if (call.geometry.LargestWindow() > kMostTapsInLanes) {
    T* x_gradient = static_cast<T*>(call.Output("output").data);
    return LargeSorted<T>(call, cuda).SendBack(gradient, x_gradient, to_logits);
  }
  using Math = DeviceSortedPoolGradMath<C>;
  DeviceRankWeights<C> weights;
  error = MakeRankWeights(call, cuda, &weights);
  if (!error.empty()) return error;
  const ParameterGradients parameters{weights.Ranks(), [&](const BlockSums& sums, int64_t slices) {
                                        return StoreRankTotals(sums, slices, logits.per_channel,
                                                               to_logits, cuda);
                                      }};
  return Driver<Math, T>(Math(weights, ThreadSumming()), call.geometry, TensorsOf<T, Math>(call),
                         cuda, parameters)
      .Run();
}

std::string SortedPoolGrad(const Call& call, const CudaStream& cuda) {
  return OnEachType(call, cuda, [&](auto value) { return Run<decltype(value)>(call, cuda); });
}

[[maybe_unused]] const bool kRegistered = RegisterKernel("Softpool>SortedPoolGrad", SortedPoolGrad);

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace softpool
