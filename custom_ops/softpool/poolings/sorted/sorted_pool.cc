#include <limits>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "softpool/poolings/sorted/sorted_pool.cc"
#include <hwy/foreach_target.h>
// Headers that are compiled for each target must follow foreach_target.h.
#include <hwy/highway.h>

#include "softpool/engine/driver-inl.h"
#include "softpool/poolings/sorted/host_ranks-inl.h"
#include "softpool/poolings/sorted/sorted_pool-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
struct SortedPoolMath : SortedPoolFew<C, RankWeights<C>> {
  using Few = SortedPoolFew<C, RankWeights<C>>;
  using Few::weights;

  RankedLane<C> reference;
  std::vector<C> rows;

  explicit SortedPoolMath(const Call& call) : Few(RankWeights<C>(call)) {}

  template <class W>
  HWY_INLINE void Run(const W& window) {
    if constexpr (W::kTaps > 0) {
      Few::RunFew(window, [&](const auto& few, [[maybe_unused]] const auto* a,
                              [[maybe_unused]] int64_t ranks, [[maybe_unused]] auto y) HWY_ATTR {
        if constexpr (kUnrollsRareCases<decltype(W::lanes)>) {
          StoreSpecialFew(few, a, ranks, y);
        } else {
          RunAny(few.AnySize());
        }
      });
    } else {
      RunAny(window);
    }
  }

  // Pools a window whose size the compiler does not know. The window is sorted in memory.
  template <class W>
  HWY_NOINLINE void RunAny(const W& window) {
    using D = typename W::D;
    const int64_t taps = window.box.Total();
    if (taps > kMostTapsInLanes) return RunReference(window, hn::FirstN(D(), 0));
    const int64_t step = static_cast<int64_t>(hn::Lanes(D()));
    rows.resize(taps * step);
    V<D> check = hn::Zero(D());
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const V<D> a = window.Load(tap);
      check = Check(D(), a, check);
      hn::StoreU(a, D(), rows.data() + i * step);
    });
    const int64_t ranks = HWY_MIN(taps, weights.Ranks());
    SelectRows(D(), rows.data(), taps, ranks);
    const V<D> y = WeighRows(window, ranks);
    if (HWY_LIKELY(hn::AllTrue(D(), hn::IsFinite(hn::Add(y, check))))) {
      window.StoreWindow(y);
    } else {
      StoreSpecial(window, ranks, y);
    }
  }

  // Stores the results of windows with infinities or NaN. `rows` has the values, of which the first
  // `ranks` are ranked, and y is right in lanes with that many ordinary values.
  template <class W>
  HWY_NOINLINE void StoreSpecial(const W& window, int64_t ranks, V<typename W::D> y) {
    using D = typename W::D;
    const V<D> check = CheckOrdinary(D(), rows.data(), window.box.Total());
    // A lane with fewer values than ranks is pooled as a smaller window is.
    ForEachCount(D(), rows.data(), ranks, [&](int64_t count, auto lanes) HWY_ATTR {
      if (count <= RankWeights<C>::kMostKept)
        y = hn::IfThenElse(lanes, WeighRows(window, count), y);
    });
    const V<D> largest = hn::LoadU(D(), rows.data());
    const auto empty = AreNothing(D(), largest);
    y = hn::IfThenElse(empty, largest, y);
    window.StoreWindow(y);
    const auto done = hn::And(hn::IsFinite(check), hn::Or(hn::IsFinite(y), empty));
    if (HWY_UNLIKELY(!hn::AllTrue(D(), done))) RunReference(window, done);
  }

  // Does the same for a window whose values are in `a`.
  template <class W>
  HWY_NOINLINE void StoreSpecialFew(const W& window, const V<typename W::D>* a, int64_t ranks,
                                    V<typename W::D> y) {
    using D = typename W::D;
    const V<D> infinity = hn::Set(D(), std::numeric_limits<C>::infinity());
    auto ordinary = hn::Lt(a[0], infinity);
    ForEachRankButFirst<W::kTaps>([&](auto r) SOFTPOOL_INLINE_ATTR {
      ordinary = hn::And(ordinary, hn::Lt(a[r.value], infinity));
    });
    ForEachCountBelow<W::kTaps>(D(), a, ranks, [&](auto count, auto lanes) SOFTPOOL_INLINE_ATTR {
      y = hn::IfThenElse(lanes, this->template WeighRanks<decltype(count)::value>(window, a), y);
    });
    const auto empty = AreNothing(D(), a[0]);
    y = hn::IfThenElse(empty, a[0], y);
    window.StoreWindow(y);
    const auto done = hn::And(ordinary, hn::Or(hn::IsFinite(y), empty));
    if (HWY_UNLIKELY(!hn::AllTrue(D(), done))) RunReference(window.AnySize(), done);
  }

  template <class W>
  HWY_INLINE V<typename W::D> WeighRows(const W& window, int64_t ranks) {
    using D = typename W::D;
    const int64_t step = static_cast<int64_t>(hn::Lanes(D()));
    const C* p = weights.Of(ranks);
    if (ranks <= TapSum<D, true>::kRun) {
      V<D> y = hn::Mul(window.LoadChannel(p), hn::LoadU(D(), rows.data()));
      for (int64_t r = 1; r < ranks; ++r) {
        y = Few::AddRank(window, p, r, hn::LoadU(D(), rows.data() + r * step), y);
      }
      return y;
    }
    TapSum<D, true> sum;
    for (int64_t r = 0; r < ranks; ++r) {
      sum.AddProduct(r, window.LoadChannel(p + r * weights.Channels()),
                     hn::LoadU(D(), rows.data() + r * step));
    }
    return sum.Total();
  }

  // Stores the reference path's results for the lanes that are not `done`.
  template <class W>
  HWY_NOINLINE void RunReference(const W& window, M<typename W::D> done) {
    ForEachUnset(window, done, [&](size_t lane) {
      const bool ranked = reference.Rank(window, lane, weights);
      window.StoreLane(ranked ? reference.Sum() : std::numeric_limits<C>::quiet_NaN(), lane);
    });
  }
};

void SortedPool(const Call& call, const ParallelFor& parallel) {
  RunPooling<SortedPoolMath>(call, parallel);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {
SOFTPOOL_REGISTER_CPU_KERNEL("Softpool>SortedPool", SortedPool);
}  // namespace softpool
#endif  // HWY_ONCE
