#include <algorithm>
#include <limits>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "softpool/poolings/sorted/sorted_pool_grad.cc"
#include <hwy/foreach_target.h>
// Headers that are compiled for each target must follow foreach_target.h.
#include <hwy/highway.h>

#include "softpool/engine/driver-inl.h"
#include "softpool/engine/parameter_sums-inl.h"
#include "softpool/poolings/sorted/host_ranks-inl.h"
#include "softpool/poolings/sorted/row_ranking-inl.h"
#include "softpool/poolings/sorted/sorted_pool-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
struct SortedPoolGradMath : SortedPoolGradFew<C, RankWeights<C>, SummingMath<C>> {
  using Few = SortedPoolGradFew<C, RankWeights<C>, SummingMath<C>>;
  using Few::sums;
  using Few::weights;

  RankedLane<C> reference;
  // Windows ranked in memory, the weights of their ranks, and the gradients of their taps.
  RowRanking<C> rows;
  std::vector<C> weight_rows, to_taps;
  // The gradients of one lane's taps and of its ranks' logits.
  std::vector<C> lane_to_taps, lane_to_logits;

  explicit SortedPoolGradMath(const Call& call) : SortedPoolGradMath(call, RankWeights<C>(call)) {}

  // Ranks that occur in no window have a gradient of zero.
  void Finish(const Call& call) const {
    const Tensor& output = call.Output("rank_grad");
    C* gradient = static_cast<C*>(output.data);
    const int64_t row = output.dims.size() == 2 ? output.dims[1] : 1;
    std::fill(gradient, gradient + output.dims[0] * row, C{0});
    Few::parameters->Total(0, weights.Ranks(), gradient);
  }

  template <class W>
  HWY_INLINE void Run(const W& window) {
    if constexpr (W::kTaps > 0) {
      Few::RunFew(window,
                  [&](const auto& few, [[maybe_unused]] const auto* a,
                      [[maybe_unused]] const auto& sort, [[maybe_unused]] int64_t ranks) HWY_ATTR {
                    if constexpr (kUnrollsRareCases<decltype(W::lanes)>) {
                      SendSpecial(few, a, sort, ranks);
                    } else {
                      RunAny(few.AnySize());
                    }
                  });
    } else {
      RunAny(window);
    }
  }

  // Sends the gradients of windows with infinities or NaN. `sorted` has the values, of which `sort`
  // has ranked the first `ranks`. A lane with fewer values than ranks gets the weights of a smaller
  // window.
  template <class W, class Sort>
  HWY_NOINLINE void SendSpecial(const W& window, const V<typename W::D>* sorted, const Sort& sort,
                                int64_t ranks) {
    using D = typename W::D;
    constexpr int kTaps = W::kTaps;
    const auto load = [&](const C* table, int r)
                          HWY_ATTR { return window.LoadChannel(table + r * weights.Channels()); };
    V<D> a[kTaps], weight[kTaps];
    const HasValue<D> has{sorted, AreNothing(D(), sorted[0])};
    const V<D> first = hn::IfThenZeroElse(has.empty, sorted[0]);
    const C* table = weights.Of(ranks);
    Repeat<kTaps>([&](auto r) SOFTPOOL_INLINE_ATTR {
      a[r.value] = hn::IfThenElse(AreNothing(D(), sorted[r.value]), first, sorted[r.value]);
      weight[r.value] = r.value < ranks ? load(table, r.value) : hn::Zero(D());
    });
    ForEachCountBelow<kTaps>(D(), sorted, ranks, [&](auto count, auto lanes) SOFTPOOL_INLINE_ATTR {
      constexpr int kCount = decltype(count)::value;
      const C* smaller = weights.Of(kCount);
      Repeat<kTaps>([&](auto r) SOFTPOOL_INLINE_ATTR {
        V<D> w = hn::Zero(D());
        if constexpr (r.value < kCount) w = load(smaller, r.value);
        weight[r.value] = hn::IfThenElse(lanes, w, weight[r.value]);
      });
    });
    Few::SendRanked(
        window, ranks, a, sort, [&](int r) HWY_ATTR { return weight[r]; }, has,
        [&]() HWY_ATTR { RunAny(window.AnySize()); });
  }

  // Which ranks of a window have a value. If none has, all taps get gradients, but no logit does.
  template <class D>
  struct HasValue {
    const V<D>* sorted;
    M<D> empty;

    HWY_INLINE V<D> OfTap(D d, int r, V<D> v) const {
      return hn::IfThenZeroElse(hn::AndNot(empty, AreNothing(d, sorted[r])), v);
    }
    HWY_INLINE V<D> OfLogit(D d, int r, V<D> v) const {
      return hn::IfThenZeroElse(AreNothing(d, sorted[r]), v);
    }
  };

  // Sorts a window in memory. This is for windows whose size the compiler does not know, and for
  // windows that need the reference path in some lanes.
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
    const bool special = !hn::AllTrue(D(), hn::IsFinite(check));
    if (HWY_UNLIKELY(special)) check = CheckOrdinary(D(), rows.Row(0), taps);
    const int64_t ranks = HWY_MIN(taps, weights.Ranks());
    rows.Rank(ranks);
    const V<D> g = window.LoadWindow();
    const RankRows<D> all = WeighRows(window, ranks, special);
    rows.ToTaps(ranks, [&](int64_t r) HWY_ATTR { return all.ToTap(g, r); }, to_taps.data());
    check = hn::Add(check, ToLogits(all, ranks, g));
    const auto finite = hn::IsFinite(check);
    if (HWY_UNLIKELY(!hn::AllTrue(D(), finite))) {
      ForEachUnset(window, finite, [&](size_t lane) { SendLane(window, taps, ranks, lane); });
    }
    AddLogits(window, ranks);
    window.ForEach([&](int64_t i, const Tap& tap)
                       HWY_ATTR { window.Emit(tap, hn::LoadU(D(), to_taps.data() + i * step)); });
  }

  // Gives each rank in `rows` its weight. A lane with fewer values than ranks gets the weights of a
  // smaller window, or NaN if that window's table is not kept.
  template <class W>
  HWY_INLINE RankRows<typename W::D> WeighRows(const W& window, int64_t ranks, bool special) {
    using D = typename W::D;
    const int64_t step = static_cast<int64_t>(hn::Lanes(D())), channels = weights.Channels();
    weight_rows.resize(ranks * step);
    C* to = weight_rows.data();
    const C* table = weights.Of(ranks);
    for (int64_t r = 0; r < ranks; ++r) {
      hn::StoreU(window.LoadChannel(table + r * channels), D(), to + r * step);
    }
    if (HWY_UNLIKELY(special)) {
      ForEachCount(D(), rows.Row(0), ranks, [&](int64_t count, auto lanes) HWY_ATTR {
        const bool kept = count <= RankWeights<C>::kMostKept;
        const C* smaller = kept ? weights.Of(count) : nullptr;
        for (int64_t r = 0; r < ranks; ++r) {
          V<D> weight = hn::Set(D(), kept ? C{0} : std::numeric_limits<C>::quiet_NaN());
          if (kept && r < count) weight = window.LoadChannel(smaller + r * channels);
          const V<D> before = hn::LoadU(D(), to + r * step);
          hn::StoreU(hn::IfThenElse(lanes, weight, before), D(), to + r * step);
        }
      });
    }
    return RankRows<D>(rows.Row(0), to, special);
  }

  // Replaces the ranks' values in `rows` with the gradients of their logits. Returns a number that
  // is finite only if the distances of all values from their mean are.
  template <class D>
  HWY_INLINE V<D> ToLogits(const RankRows<D>& all, int64_t ranks, V<D> g) {
    Heaviest<D> heaviest(all.Weight(0), all.Value(0));
    for (int64_t r = 1; r < ranks; ++r) heaviest.Compare(all.Weight(r), all.Value(r));
    const V<D> from = heaviest.Value();
    // Up to TapSum::kRun terms, this is the same sum as in SendFew().
    TapSum<D, true> distances;
    for (int64_t r = 0; r < ranks; ++r) {
      distances.AddProduct(r, all.Weight(r), hn::Sub(all.Value(r), from));
    }
    const V<D> mean = distances.Total();
    const V<D> check = Few::CheckDistances(D(), hn::Sub(all.Value(0), from),
                                           hn::Sub(all.Value(ranks - 1), from), mean);
    for (int64_t r = 0; r < ranks; ++r) {
      const V<D> to_logit = Few::ToLogit(D(), g, all.ToTap(g, r), all.Value(r), from, mean);
      hn::StoreU(all.OrZero(r, to_logit), D(), rows.Row(r));
    }
    return check;
  }

  // Adds the gradients of the ranks' logits, which are in `rows`.
  template <class W>
  HWY_INLINE void AddLogits(const W& window, int64_t ranks) {
    for (int64_t r = 0; r < ranks && window.IsOwner(); ++r) {
      window.AddChannel(hn::LoadU(typename W::D(), rows.Row(r)), sums.Row(r));
    }
  }

  // Does the same for one lane, with the reference path.
  template <class W>
  HWY_NOINLINE void SendLane(const W& window, int64_t taps, int64_t ranks, size_t lane) {
    const int64_t step = static_cast<int64_t>(hn::Lanes(typename W::D()));
    RankLane(window, taps, lane);
    for (int64_t i = 0; i < taps; ++i) to_taps[i * step + lane] = lane_to_taps[i];
    for (int64_t r = 0; r < ranks; ++r) rows.Row(r)[lane] = lane_to_logits[r];
  }

  // Runs a window of more than kMostTapsInLanes taps, one lane after another.
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

  // Fills lane_to_taps and lane_to_logits. A NaN in the window makes all of its gradients NaN.
  template <class W>
  void RankLane(const W& window, int64_t taps, size_t lane) {
    constexpr C kNaN = std::numeric_limits<C>::quiet_NaN();
    const int64_t ranks = HWY_MIN(taps, weights.Ranks());
    if (!reference.Rank(window, lane, weights)) {
      lane_to_taps.assign(taps, kNaN);
      lane_to_logits.assign(ranks, kNaN);
      return;
    }
    const C g = window.LoadWindowLane(lane);
    lane_to_taps.assign(taps, C{0});
    for (size_t r = 0; r < reference.ranked.size(); ++r) {
      lane_to_taps[reference.ranked[r].index] = g * reference.weights[r];
    }
    lane_to_logits.assign(ranks, C{0});
    LogitGradients(reference.ranked.data(), reference.weights.data(),
                   static_cast<int64_t>(reference.ranked.size()), g, weights.IsSoftmax(),
                   lane_to_logits.data());
  }

 private:
  SortedPoolGradMath(const Call& call, const RankWeights<C>& weights)
      : Few(weights, SummingMath<C>(weights.Ranks(), weights.Channels(),
                                    call.Input("rank_logits").dims.size() == 2)) {}
};

void SortedPoolGrad(const Call& call, const ParallelFor& parallel) {
  RunPooling<SortedPoolGradMath>(call, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>SortedPoolGrad", SortedPoolGrad);
}  // namespace softpool
#endif  // HWY_ONCE
