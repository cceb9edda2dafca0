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
#include "kernels/sorting-inl.h"
#include "kernels/walk-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// The value that has the largest weight, the first of several.
template <class D>
class Heaviest {
 public:
  HWY_INLINE Heaviest(V<D> weight, V<D> value) : weight_(weight), value_(value) {}
  HWY_INLINE void Compare(V<D> weight, V<D> value) {
    const auto heavier = hn::Gt(weight, weight_);
    weight_ = hn::IfThenElse(heavier, weight, weight_);
    value_ = hn::IfThenElse(heavier, value, value_);
  }
  HWY_INLINE V<D> Value() const { return value_; }

 private:
  V<D> weight_, value_;
};

// dL/da_i = g p_r for the i of rank r, dL/dw_r = sum over windows of g p_r (a_(r) - y). The latter
// is computed as g p_r (d_r - sum_s p_s d_s), with d_r the distance from the value of the largest
// weight: neither an offset common to a window nor an outlier of little weight costs it its digits.
template <class C>
struct SortedPoolGradMath : SummingMath<C> {
  static constexpr int kWindowInputs = 1, kTapOutputs = 1;
  static constexpr int kCyclesPerTap = 2;
  using SummingMath<C>::sums;  // a row for each rank

  RankWeights<C> weights;
  RankedLane<C> by_the_book;
  // Of windows ranked in memory: what each tap gets, and of a lane of them what each logit gets.
  RowRanking<C> rows;
  std::vector<C> to_taps;
  std::vector<C> lane_to_taps, lane_to_logits;

  SortedPoolGradMath(const RankWeights<C>& weights, ParameterSums<C>* parameters)
      : SummingMath<C>(parameters), weights(weights) {}

  template <class W>
  HWY_INLINE void Run(const W& window) {
    if constexpr (W::kTaps > 0) {
      RunFew(window);
    } else {
      RunAny(window);
    }
  }

  template <class W>
  HWY_INLINE void RunFew(const W& window) {
    // Most often all ranks are kept, and no step has to ask whether it is wanted.
    if (HWY_LIKELY(weights.Ranks() >= W::kTaps)) {
      SendFew(window, std::integral_constant<int64_t, W::kTaps>());
    } else {
      SendFew(window, weights.Ranks());
    }
  }

  template <class W, class Ranks>
  HWY_INLINE void SendFew(const W& window, Ranks ranks) {
    using D = typename W::D;
    V<D> a[W::kTaps], to_tap[W::kTaps];
    const C* table = weights.Of(ranks);
    const auto weight = [&](int r)
                            HWY_ATTR { return window.LoadChannel(table + r * weights.Channels()); };
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR { a[i] = window.Load(tap); });
    StableSort<W::kTaps, D> sort;
    sort.Sort(D(), a, ranks);
    Heaviest<D> heaviest(weight(0), a[0]);
    Repeat<W::kTaps - 1>([&](auto i) HWY_ATTR {
      constexpr int r = decltype(i)::value + 1;
      if (r < ranks) heaviest.Compare(weight(r), a[r]);
    });
    const V<D> from = heaviest.Value();
    // Not finite if a value is not, or if distances overflow.
    V<D> mean = hn::Zero(D());
    Repeat<W::kTaps>([&](auto r) HWY_ATTR {
      if (r.value < ranks) mean = MulAdd(D(), weight(r.value), hn::Sub(a[r.value], from), mean);
    });
    V<D> check = mean;
    if (ranks < W::kTaps) {
      for (int i = 0; i < W::kTaps; ++i) check = Check(D(), a[i], check);
    }
    if (HWY_UNLIKELY(!hn::AllTrue(D(), hn::IsFinite(check)))) return RunAny(window.AnySize());
    const V<D> g = window.LoadWindow();
    Repeat<W::kTaps>([&](auto r) HWY_ATTR {
      to_tap[r.value] = r.value < ranks ? hn::Mul(g, weight(r.value)) : hn::Zero(D());
    });
    if (window.IsHome()) {
      Repeat<W::kTaps>([&](auto r) HWY_ATTR {
        if (r.value >= ranks) return;
        window.AddChannel(ToLogit(D(), g, to_tap[r.value], a[r.value], from, mean),
                          sums.Row(r.value));
      });
    }
    sort.Undo(to_tap, ranks);
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR { window.Emit(tap, to_tap[i]); });
  }

  // What one window adds to the gradient of one logit.
  template <class D>
  HWY_INLINE V<D> ToLogit(D, V<D> g, V<D> to_tap, V<D> a, V<D> from, V<D> mean) const {
    if (!weights.IsSoftmax()) return hn::Mul(g, a);
    return hn::Mul(to_tap, hn::Sub(hn::Sub(a, from), mean));
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
      hn::StoreU(ToLogit(D(), g, to_tap(r), a, from, mean), D(), rows.Row(r));
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
      for (size_t r = 0; r < lane_to_logits.size() && window.IsHome(); ++r) {
        sums.Row(r)[window.lanes.Channel(lane)] += lane_to_logits[r];
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
    LogitGradients(by_the_book.ranked, by_the_book.weights, g, weights.IsSoftmax(),
                   &lane_to_logits);
    lane_to_logits.resize(ranks, C{0});
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
    Pool(Math(weights, &parameters), g, tensors, parallel);
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
