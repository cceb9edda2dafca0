// Sorted-weight pooling: each window is sorted, and its values are weighted by their ranks.
//
//   y = sum_r p_r a_(r),   a_(1) >= a_(2) >= ...,   p = softmax(w)
//
// over the first `pool_range` ranks. Windows of n < pool_range values take the softmax over the
// first n logits. Equal values are ranked in row-major order. Values of -inf are left out. Source:
// S. Singla, "A new kind of pooling layer for faster and sharper convergence".
//
// This file handles windows whose size the compiler knows. CPU kernels and CUDA kernels have their
// own code for other windows, and for keeping the weights.
#if defined(SOFTPOOL_POOLINGS_SORTED_SORTED_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SORTED_SORTED_POOL_INL_H_
#undef SOFTPOOL_POOLINGS_SORTED_SORTED_POOL_INL_H_
#else
#define SOFTPOOL_POOLINGS_SORTED_SORTED_POOL_INL_H_
#endif

#include <type_traits>

#include "softpool/engine/pool_math.h"
#include "softpool/engine/taps-inl.h"
#include "softpool/poolings/sorted/sorting-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// Calls f with each number from 1 to kRanks - 1, as a std::integral_constant. The compiler would
// keep values that a loop numbers in memory.
template <int kRanks, class F>
HWY_INLINE void ForEachRankButFirst(const F& f) {
  Repeat<kRanks - 1>([&](auto before) SOFTPOOL_INLINE_ATTR {
    f(std::integral_constant<int, decltype(before)::value + 1>());
  });
}

// y = sum_r p_r a_(r), added up in the order of the ranks.
template <class C, class Weights>
struct SortedPoolFew : PoolMath {
  static constexpr int kWindowOutputs = 1;
  static constexpr bool kUsesChannels = true;

  Weights weights;

  explicit SortedPoolFew(const Weights& weights) : weights(weights) {}

  // Pools the window. If a value is infinite or NaN, calls special(window, a, ranks, y) instead.
  // `a` has the values, of which the first `ranks` are ranked, and y is right in ordinary lanes.
  template <class W, class F>
  HWY_INLINE void RunFew(const W& window, const F& special) {
    using D = typename W::D;
    V<D> a[W::kTaps];
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR { a[i] = window.Load(tap); });
    const int64_t ranks = HWY_MIN(W::kTaps, weights.Ranks());
    Select<W::kTaps>(D(), a, ranks);
    V<D> y, check;
    if (HWY_LIKELY(ranks == W::kTaps)) {
      check = y = WeighRanks<W::kTaps>(window, a);
    } else {
      const C* p = weights.Of(ranks);
      y = hn::Mul(window.LoadChannel(p), a[0]);
      ForEachRankButFirst<W::kTaps>([&](auto r) SOFTPOOL_INLINE_ATTR {
        if (r.value < ranks) y = AddRank(window, p, r.value, a[r.value], y);
      });
      check = y;
      ForEachRankButFirst<W::kTaps>(
          [&](auto r) SOFTPOOL_INLINE_ATTR { check = Check(D(), a[r.value], check); });
    }
    if (HWY_LIKELY(hn::AllTrue(D(), hn::IsFinite(check)))) {
      window.StoreWindow(y);
    } else {
      // Only the copies' addresses are taken, so that `a` can stay in registers.
      V<D> copies[W::kTaps];
      Repeat<W::kTaps>([&](auto i) HWY_ATTR { copies[i.value] = a[i.value]; });
      special(W(window), copies, ranks, y);
    }
  }

  // Returns the result of a window of kRanks ranked values.
  template <int kRanks, class W>
  HWY_INLINE V<typename W::D> WeighRanks(const W& window, const V<typename W::D>* a) {
    const C* p = weights.Of(kRanks);
    V<typename W::D> y = hn::Mul(window.LoadChannel(p), a[0]);
    ForEachRankButFirst<kRanks>(
        [&](auto r) SOFTPOOL_INLINE_ATTR { y = AddRank(window, p, r.value, a[r.value], y); });
    return y;
  }

  template <class W>
  HWY_INLINE V<typename W::D> AddRank(const W& window, const C* p, int64_t r, V<typename W::D> a,
                                      V<typename W::D> sum) const {
    return MulAdd(typename W::D(), window.LoadChannel(p + r * weights.Channels()), a, sum);
  }
};

// The value that has the largest weight. If several have it, the first of them.
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

// With g = dL/dy:
//
//   dL/da_i = g p_r, where r is the rank of a_i
//   dL/dw_r = sum over windows of g p_r (a_(r) - y)
//
// The terms of the sum are computed as g p_r (d_r - sum_s p_s d_s), where d_r is the distance of
// a_(r) from the value with the largest weight. So neither an offset common to a window nor an
// outlier of little weight costs digits.
//
// Summing is the base class that holds sums over all windows, one row of sums for each rank. It is
// SummingMath on a CPU and ThreadSumming on a GPU.
template <class C, class Weights, class Summing>
struct SortedPoolGradFew : Summing {
  static constexpr int kWindowInputs = 1, kTapOutputs = 1;
  static constexpr int kCyclesPerTap = 2;
  using Summing::sums;

  Weights weights;

  SortedPoolGradFew(const Weights& weights, const Summing& summing)
      : Summing(summing), weights(weights) {}

  // Sends the gradients back. If a value is infinite or NaN, or a distance overflows, calls
  // special(window, a, sort, ranks) instead. `a` has the values, of which `sort` has ranked the
  // first `ranks`.
  template <class W, class F>
  HWY_INLINE void RunFew(const W& window, const F& special) {
    // Most often all ranks are kept. The compiler then knows their number, and no step has to check
    // its rank.
    if (HWY_LIKELY(weights.Ranks() >= W::kTaps)) {
      SendFew(window, std::integral_constant<int64_t, W::kTaps>(), special);
    } else {
      SendFew(window, weights.Ranks(), special);
    }
  }

  template <class W, class Ranks, class F>
  HWY_INLINE void SendFew(const W& window, Ranks ranks, const F& special) {
    using D = typename W::D;
    V<D> a[W::kTaps];
    const C* table = weights.Of(ranks);
    const auto weight = [&](int r)
                            HWY_ATTR { return window.LoadChannel(table + r * weights.Channels()); };
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR { a[i] = window.Load(tap); });
    StableSort<W::kTaps, D> sort;
    sort.Sort(D(), a, ranks);
    SendRanked(window, ranks, a, sort, weight, EveryRank(), [&]() HWY_ATTR {
      // Only the copies' addresses are taken, so that `a` and `sort` can stay in registers.
      V<D> copies[W::kTaps];
      Repeat<W::kTaps>([&](auto i) HWY_ATTR { copies[i.value] = a[i.value]; });
      const StableSort<W::kTaps, D> sort_copy = sort;
      special(W(window), copies, sort_copy, static_cast<int64_t>(ranks));
    });
  }

  // Says that every rank has a value.
  struct EveryRank {
    template <class D>
    HWY_INLINE V<D> OfTap(D, int, V<D> v) const {
      return v;
    }
    template <class D>
    HWY_INLINE V<D> OfLogit(D, int, V<D> v) const {
      return v;
    }
  };

  // Sends the gradients of values that `sort` has ranked. has.OfTap(r, v) and has.OfLogit(r, v)
  // return v, or zero if rank r has no value. Calls failed() instead if a number is not finite.
  template <class W, class Ranks, class Weight, class Has, class F>
  HWY_INLINE void SendRanked(const W& window, Ranks ranks, const V<typename W::D>* a,
                             const StableSort<W::kTaps, typename W::D>& sort, const Weight& weight,
                             const Has& has, const F& failed) {
    using D = typename W::D;
    V<D> to_tap[W::kTaps];
    Heaviest<D> heaviest(weight(0), a[0]);
    ForEachRankButFirst<W::kTaps>([&](auto r) SOFTPOOL_INLINE_ATTR {
      if (r.value < ranks) heaviest.Compare(weight(r.value), a[r.value]);
    });
    const V<D> from = heaviest.Value();
    // The mean distance. It is not finite if a value is not finite or a distance overflows.
    V<D> mean = hn::Zero(D()), distance = mean;
    Repeat<W::kTaps>([&](auto r) SOFTPOOL_INLINE_ATTR {
      if (r.value >= ranks) return;
      distance = hn::Sub(a[r.value], from);
      mean = MulAdd(D(), weight(r.value), distance, mean);
    });
    V<D> check = CheckDistances(D(), hn::Sub(a[0], from), distance, mean);
    if (ranks < W::kTaps) {
      Repeat<W::kTaps>([&](auto i) SOFTPOOL_INLINE_ATTR { check = Check(D(), a[i.value], check); });
    }
    if (HWY_UNLIKELY(!hn::AllTrue(D(), hn::IsFinite(check)))) return failed();
    const V<D> g = window.LoadWindow();
    Repeat<W::kTaps>([&](auto r) SOFTPOOL_INLINE_ATTR {
      to_tap[r.value] =
          r.value < ranks ? has.OfTap(D(), r.value, hn::Mul(g, weight(r.value))) : hn::Zero(D());
    });
    if (window.IsOwner()) {
      Repeat<W::kTaps>([&](auto r) SOFTPOOL_INLINE_ATTR {
        if (r.value >= ranks) return;
        const V<D> to_logit = ToLogit(D(), g, to_tap[r.value], a[r.value], from, mean);
        window.AddChannel(has.OfLogit(D(), r.value, to_logit), sums.Row(r.value));
      });
    }
    sort.Undo(to_tap, ranks);
    window.ForEach([&](int64_t i, const Tap& tap)
                       SOFTPOOL_INLINE_ATTR { window.Emit(tap, to_tap[i]); });
  }

  // Returns a number that is finite only if the mean and all distances from it are, given the first
  // and the last distance.
  template <class D>
  HWY_INLINE V<D> CheckDistances(D d, V<D> first, V<D> last, V<D> mean) const {
    return Check(d, hn::Sub(first, mean), Check(d, hn::Sub(last, mean), mean));
  }

  // Returns what one window adds to the gradient of one logit.
  template <class D>
  HWY_INLINE V<D> ToLogit(D, V<D> g, V<D> to_tap, V<D> a, V<D> from, V<D> mean) const {
    if (!weights.IsSoftmax()) return hn::Mul(g, a);
    return hn::Mul(to_tap, hn::Sub(hn::Sub(a, from), mean));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
