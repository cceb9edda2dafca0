// Sorted-weight pooling's gradients on a device.
#define SOFTPOOL_ONE_LANE
#include "kernels/cuda/large_sorted.h"
#include "kernels/cuda/pool.h"
#include "kernels/cuda/ranked_window.h"
#include "kernels/sorted_pool.h"
#include "kernels/sorted_pool_grad-inl.h"

namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
struct DeviceSortedPoolGradMath : SortedPoolGradFew<C, DeviceRankWeights<C>, ThreadSumming> {
  using Few = SortedPoolGradFew<C, DeviceRankWeights<C>, ThreadSumming>;
  using Few::Few;
  using Few::sums;
  using Few::weights;

  template <class W>
  HWY_INLINE void Run(const W& window) {
    if constexpr (W::kTaps > 0) {
      Few::RunFew(window, [&](const auto& any) { RunAny(any); });
    } else {
      RunAny(window);
    }
  }

  // A NaN in the window is sent to all of it.
  template <class W>
  HWY_NOINLINE void RunAny(const W& window) const {
    constexpr C kNaN = std::numeric_limits<C>::quiet_NaN();
    RankedWindow<C> by_the_book;
    const bool ranked = by_the_book.Rank(window, weights);
    const C g = window.LoadWindow();
    const int64_t taps = window.Taps();
    C to_taps[kMostTapsInLanes], to_logits[kMostTapsInLanes];
    for (int64_t i = 0; i < taps; ++i) to_taps[i] = to_logits[i] = ranked ? C{0} : kNaN;
    if (ranked) {
      for (int64_t r = 0; r < by_the_book.count; ++r) {
        to_taps[by_the_book.ranked[r].index] = g * by_the_book.weights[r];
      }
      LogitGradients(by_the_book.ranked, by_the_book.weights, by_the_book.count, g,
                     weights.IsSoftmax(), to_logits);
    }
    window.ForEach([&](int64_t i, const Tap& tap) { window.Emit(tap, to_taps[i]); });
    const int64_t ranks = HWY_MIN(taps, weights.Ranks());
    for (int64_t r = 0; r < ranks; ++r) window.AddChannel(to_logits[r], sums.Row(r));
  }
};

template <class T>
std::string RunSortedPoolGrad(const PoolGeometry& g, const RankLogits& logits, const void* x,
                              const void* gradient, void* x_gradient, void* logits_gradient,
                              const CudaStream& cuda) {
  using C = ComputeType<T>;
  C* to_logits = static_cast<C*>(logits_gradient);
  // Ranks that no window has get nothing.
  std::string error = Clear(to_logits, sizeof(C) * logits.Count(g.Channels()), cuda);
  if (!error.empty() || g.Empty()) return error;
  if (g.LargestWindow() > kMostTapsInLanes) {
    LargeSorted<T> large(g, logits, static_cast<const T*>(x), cuda);
    return large.SendBack(static_cast<const T*>(gradient), static_cast<T*>(x_gradient), to_logits);
  }
  using Math = DeviceSortedPoolGradMath<C>;
  DeviceRankWeights<C> weights;
  error = MakeRankWeights(logits, g, cuda, &weights);
  if (!error.empty()) return error;
  const Tensors<T, Math> tensors{{static_cast<const T*>(x)},
                                 {static_cast<const T*>(gradient)},
                                 {},
                                 {static_cast<T*>(x_gradient)}};
  const ParameterGradients parameters{weights.Ranks(), [&](const BlockSums& sums, int64_t slices) {
                                        return StoreRankTotals(sums, slices, logits.per_channel,
                                                               to_logits, cuda);
                                      }};
  return Pooling<Math, T>(Math(weights, ThreadSumming()), g, tensors, cuda, parameters).Run();
}

}  // namespace HWY_NAMESPACE

std::string SortedPoolGrad(DataType type, const PoolGeometry& geometry, const RankLogits& logits,
                           const void* x, const void* gradient, void* x_gradient,
                           void* logits_gradient, const CudaStream& cuda) {
  std::string error;
  WithType(type, [&](auto value) {
    error = HWY_NAMESPACE::RunSortedPoolGrad<decltype(value)>(geometry, logits, x, gradient,
                                                              x_gradient, logits_gradient, cuda);
  });
  return error;
}

}  // namespace softpool
