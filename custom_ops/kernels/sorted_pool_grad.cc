#include "kernels/sorted_pool.h"

#include <algorithm>
#include <cstring>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sorted_pool_grad.cc"
#include <hwy/foreach_target.h>
// The target's headers follow it.
#include <hwy/highway.h>

#include "kernels/channel_sums-inl.h"
#include "kernels/ranked_lanes-inl.h"
#include "kernels/row_ranking-inl.h"
#include "kernels/sorted_pool_grad-inl.h"
#include "kernels/sorting-inl.h"
#include "kernels/walk-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
struct SortedPoolGradMath : SortedPoolGradFew<C, RankWeights<C>, SummingMath<C>> {
  using Few = SortedPoolGradFew<C, RankWeights<C>, SummingMath<C>>;
  using Few::sums;
  using Few::weights;

  RankedLane<C> by_the_book;
  // Of windows ranked in memory: what each tap gets, and of a lane of them what each logit gets.
  RowRanking<C> rows;
  std::vector<C> to_taps;
  std::vector<C> lane_to_taps, lane_to_logits;

  using Few::Few;

  template <class W>
  HWY_INLINE void Run(const W& window) {
    if constexpr (W::kTaps > 0) {
      Few::RunFew(window, [&](const auto& any) HWY_ATTR { RunAny(any); });
    } else {
      RunAny(window);
    }
  }

  // Windows of a size that the compiler does not know are sorted in memory, and so are those with
  // infinities and NaN.
  template <class W>
  HWY_NOINLINE void RunAny(const W& window) {
    using D = typename W::D;
    const int64_t taps = window.box.Total();
    if (taps > kMostTapsInLanes) return RunMany(window);
    const int64_t step = static_cast<int64_t>(hn::Lanes(D()));
    rows.Resize(taps);
    to_taps.resize(taps * step);
    V<D> check = hn::Zero(D());
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const V<D> a = window.Load(tap);
      check = Check(D(), a, check);
      hn::StoreU(a, D(), rows.Row(i));
    });
    const int64_t ranks = HWY_MIN(taps, weights.Ranks());
    const V<D> g = window.LoadWindow();
    check = hn::Add(check, SendRows(window, ranks, g));
    const auto finite = hn::IsFinite(check);
    if (HWY_UNLIKELY(!hn::AllTrue(D(), finite))) {
      ForEachUnset(window, finite, [&](size_t lane) { SendLane(window, taps, ranks, lane); });
    }
    for (int64_t r = 0; r < ranks && window.IsHome(); ++r) {
      window.AddChannel(hn::LoadU(D(), rows.Row(r)), sums.Row(r));
    }
    window.ForEach([&](int64_t i, const Tap& tap)
                       HWY_ATTR { window.Emit(tap, hn::LoadU(D(), to_taps.data() + i * step)); });
  }

  // Gives each tap what its rank gets, and replaces the ranks' values by what their logits get.
  // Returns the mean distance.
  template <class W>
  HWY_INLINE V<typename W::D> SendRows(const W& window, int64_t ranks, V<typename W::D> g) {
    using D = typename W::D;
    const C* table = weights.Of(ranks);
    const auto weight = [&](int64_t r)
                            HWY_ATTR { return window.LoadChannel(table + r * weights.Channels()); };
    const auto to_tap = [&](int64_t r) HWY_ATTR { return hn::Mul(g, weight(r)); };
    rows.Rank(ranks);
    rows.ToTaps(ranks, to_tap, to_taps.data());
    Heaviest<D> heaviest(weight(0), hn::LoadU(D(), rows.Row(0)));
    for (int64_t r = 1; r < ranks; ++r) {
      heaviest.Compare(weight(r), hn::LoadU(D(), rows.Row(r)));
    }
    const V<D> from = heaviest.Value();
    // One that fits a run is the same sum as that of few taps.
    TapSum<D, true> distances;
    for (int64_t r = 0; r < ranks; ++r) {
      distances.AddProduct(r, weight(r), hn::Sub(hn::LoadU(D(), rows.Row(r)), from));
    }
    const V<D> mean = distances.Total();
    for (int64_t r = 0; r < ranks; ++r) {
      const V<D> a = hn::LoadU(D(), rows.Row(r));
      hn::StoreU(Few::ToLogit(D(), g, to_tap(r), a, from, mean), D(), rows.Row(r));
    }
    return mean;
  }

  // The same for one lane, by the book.
  template <class W>
  HWY_NOINLINE void SendLane(const W& window, int64_t taps, int64_t ranks, size_t lane) {
    const int64_t step = static_cast<int64_t>(hn::Lanes(typename W::D()));
    RankLane(window, taps, lane);
    for (int64_t i = 0; i < taps; ++i) to_taps[i * step + lane] = lane_to_taps[i];
    for (int64_t r = 0; r < ranks; ++r) rows.Row(r)[lane] = lane_to_logits[r];
  }

  // Windows of very many taps.
  template <class W>
  HWY_NOINLINE void RunMany(const W& window) {
    const int64_t taps = window.box.Total();
    ForEachOwnLane(window, [&](size_t lane) {
      RankLane(window, taps, lane);
      window.ForEach(
          [&](int64_t i, const Tap& tap) { window.EmitLane(tap, lane_to_taps[i], lane); });
      for (size_t r = 0; r < lane_to_logits.size(); ++r) {
        window.AddChannelLane(lane_to_logits[r], sums.Row(r), lane);
      }
    });
  }

  // Fills lane_to_taps and lane_to_logits. A NaN in the window is sent to all of it.
  template <class W>
  void RankLane(const W& window, int64_t taps, size_t lane) {
    constexpr C kNaN = std::numeric_limits<C>::quiet_NaN();
    const int64_t ranks = HWY_MIN(taps, weights.Ranks());
    if (!by_the_book.Rank(window, lane, weights)) {
      lane_to_taps.assign(taps, kNaN);
      lane_to_logits.assign(ranks, kNaN);
      return;
    }
    const C g = window.LoadWindowLane(lane);
    lane_to_taps.assign(taps, C{0});
    for (size_t r = 0; r < by_the_book.ranked.size(); ++r) {
      lane_to_taps[by_the_book.ranked[r].index] = g * by_the_book.weights[r];
    }
    lane_to_logits.assign(ranks, C{0});
    LogitGradients(by_the_book.ranked.data(), by_the_book.weights.data(),
                   static_cast<int64_t>(by_the_book.ranked.size()), g, weights.IsSoftmax(),
                   lane_to_logits.data());
  }
};

void SortedPoolGradTarget(DataType type, const PoolGeometry& g, const RankLogits& logits,
                          const void* x, const void* gradient, void* x_gradient,
                          void* logits_gradient, const ParallelFor& parallel) {
  const ScopedSubnormals subnormals;
  WithType(type, [&](auto value) {
    using T = decltype(value);
    using C = ComputeType<T>;
    using Math = SortedPoolGradMath<C>;
    const RankWeights<C> weights(logits, g.Channels(), g.LargestWindow());
    ParameterSums<C> parameters(weights.Ranks(), g.Channels(), logits.per_channel);
    const Tensors<T, Math> tensors{{static_cast<const T*>(x)},
                                   {static_cast<const T*>(gradient)},
                                   {},
                                   {static_cast<T*>(x_gradient)}};
    Pool(Math(weights, SummingMath<C>(&parameters)), g, tensors, parallel);
    C* sums = static_cast<C*>(logits_gradient);
    std::fill(sums, sums + logits.Count(g.Channels()), C{0});
    parameters.Total(sums);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {

HWY_EXPORT(SortedPoolGradTarget);

void SortedPoolGrad(DataType type, const PoolGeometry& geometry, const RankLogits& logits,
                    const void* x, const void* gradient, void* x_gradient, void* logits_gradient,
                    const ParallelFor& parallel) {
  if (geometry.Empty()) {
    const size_t size = type == DataType::kFloat64 ? sizeof(double) : sizeof(float);
    std::memset(logits_gradient, 0, size * logits.Count(geometry.Channels()));
    return;
  }
  HWY_DYNAMIC_DISPATCH(SortedPoolGradTarget)
  (type, geometry, logits, x, gradient, x_gradient, logits_gradient, parallel);
}

}  // namespace softpool
#endif  // HWY_ONCE
