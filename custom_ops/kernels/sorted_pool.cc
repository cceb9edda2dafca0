#include "kernels/sorted_pool.h"

#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sorted_pool.cc"
#include <hwy/foreach_target.h>
// The target's headers follow it.
#include <hwy/highway.h>

#include "kernels/ranked_lanes-inl.h"
#include "kernels/sorted_pool-inl.h"
#include "kernels/walk-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
struct SortedPoolMath : SortedPoolFew<C, RankWeights<C>> {
  using Few = SortedPoolFew<C, RankWeights<C>>;
  using Few::weights;

  RankedLane<C> by_the_book;
  std::vector<C> rows;

  using Few::Few;

  template <class W>
  HWY_INLINE void Run(const W& window) {
    if constexpr (W::kTaps > 0) {
      Few::RunFew(window, [&](const auto& any, auto done) HWY_ATTR { RunByTheBook(any, done); });
    } else {
      RunAny(window);
    }
  }

  // Windows of a size that the compiler does not know are sorted in memory.
  template <class W>
  HWY_NOINLINE void RunAny(const W& window) {
    using D = typename W::D;
    const int64_t taps = window.box.Total();
    if (taps > kMostTapsInLanes) return RunByTheBook(window, hn::FirstN(D(), 0));
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
    window.StoreWindow(y);
    const auto finite = hn::IsFinite(hn::Add(y, check));
    if (HWY_UNLIKELY(!hn::AllTrue(D(), finite))) RunByTheBook(window, finite);
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

  // For the lanes that are not `done`.
  template <class W>
  HWY_NOINLINE void RunByTheBook(const W& window, M<typename W::D> done) {
    ForEachUnset(window, done, [&](size_t lane) {
      const bool ranked = by_the_book.Rank(window, lane, weights);
      window.StoreLane(ranked ? by_the_book.Sum() : std::numeric_limits<C>::quiet_NaN(), lane);
    });
  }
};

void SortedPoolTarget(DataType type, const PoolGeometry& g, const RankLogits& logits, const void* x,
                      void* y, const ParallelFor& parallel) {
  const ScopedSubnormals subnormals;
  WithType(type, [&](auto value) {
    using T = decltype(value);
    using Math = SortedPoolMath<ComputeType<T>>;
    const Tensors<T, Math> tensors{{static_cast<const T*>(x)}, {}, {static_cast<T*>(y)}, {}};
    Pool(Math(RankWeights<ComputeType<T>>(logits, g.Channels(), g.LargestWindow())), g, tensors,
         parallel);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {

HWY_EXPORT(SortedPoolTarget);

void SortedPool(DataType type, const PoolGeometry& geometry, const RankLogits& logits,
                const void* x, void* y, const ParallelFor& parallel) {
  if (geometry.Empty()) return;
  HWY_DYNAMIC_DISPATCH(SortedPoolTarget)(type, geometry, logits, x, y, parallel);
}

std::string CheckRankLogits(const std::vector<int64_t>& shape, const std::vector<int64_t>& ksize,
                            int64_t channels) {
  const auto text = [](const std::vector<int64_t>& numbers) {
    std::string list;
    for (int64_t n : numbers) {
      list += (list.empty() ? "" : ", ") + (n < 0 ? std::string("?") : std::to_string(n));
    }
    return "[" + list + "]";
  };
  if (shape.size() != 1 && shape.size() != 2) {
    return "rank_logits must have shape [pool_range] or [pool_range, channels], got " + text(shape);
  }
  // Saturated: no tensor has so many logits.
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  int64_t window = 1;
  for (int64_t k : ksize) window = window > kMost / k ? kMost : window * k;
  if (shape[0] == 0 || shape[0] > window) {
    return "rank_logits must have from 1 to " + std::to_string(window) +
           " ranks, the size of the window ksize " + text(ksize) + ", got shape " + text(shape);
  }
  if (shape.size() == 2 && shape[1] >= 0 && channels >= 0 && shape[1] != channels) {
    return "rank_logits must have shape [pool_range] or [pool_range, " + std::to_string(channels) +
           "], for as many channels, got " + text(shape);
  }
  return "";
}

}  // namespace softpool
#endif  // HWY_ONCE
