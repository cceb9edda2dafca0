// Ranks in CPU kernels: their weights, and what windows with infinities or NaN need. Lanes whose
// only special values are -inf take the weights of smaller windows. Other lanes are ranked one by
// one, by the slow reference path.
#if defined(SOFTPOOL_POOLINGS_SORTED_HOST_RANKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SORTED_HOST_RANKS_INL_H_
#undef SOFTPOOL_POOLINGS_SORTED_HOST_RANKS_INL_H_
#else
#define SOFTPOOL_POOLINGS_SORTED_HOST_RANKS_INL_H_
#endif

#include <array>
#include <limits>
#include <map>
#include <memory>
#include <vector>

#include "softpool/engine/window-inl.h"
#include "softpool/poolings/sorted/rank_logits-inl.h"
#include "softpool/poolings/sorted/sorted_reference.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// The weights of ranks. Each thread has a copy of its own. Copies share the table that does not
// change.
template <class C>
class RankWeights {
 public:
  // The largest number of ranks whose table is kept for as long as the kernel runs.
  static constexpr int64_t kMostKept = 64;

  explicit RankWeights(const Call& call)
      : logits_(call), full_(std::make_shared<const std::vector<C>>(Table(logits_.ranks))) {}

  // The number of ranks in the largest window.
  int64_t Ranks() const { return logits_.ranks; }
  int64_t Channels() const { return logits_.channels; }
  bool IsSoftmax() const { return logits_.softmax; }

  // Returns the weights in windows of `ranks` ranks, as [ranks, channels]. The pointer is valid
  // until the next call.
  HWY_INLINE const C* Of(int64_t ranks) {
    return HWY_LIKELY(ranks == logits_.ranks) ? full_->data() : Clipped(ranks);
  }

  // Stores the weights of one channel in `weights`.
  void OfChannel(int64_t ranks, int64_t channel, std::vector<C>* weights) {
    if (ranks > kMostKept) return Compute(ranks, channel, weights);
    const C* table = Of(ranks);
    weights->resize(ranks);
    for (int64_t r = 0; r < ranks; ++r) (*weights)[r] = table[r * logits_.channels + channel];
  }

 private:
  HWY_NOINLINE const C* Clipped(int64_t ranks) {
    if (ranks <= kMostKept) {
      std::vector<C>& table = few_[ranks - 1];
      if (table.empty()) table = Table(ranks);
      return table.data();
    }
    const auto found = many_.find(ranks);
    if (found != many_.end()) return found->second.data();
    // Windows at borders usually have few sizes. Very large windows may have many: their tables are
    // dropped and computed again.
    if (many_.size() == kMostKept) many_.clear();
    return many_.emplace(ranks, Table(ranks)).first->second.data();
  }

  std::vector<C> Table(int64_t ranks) const {
    const int64_t channels = logits_.channels;
    std::vector<C> table(ranks * channels), weights;
    for (int64_t c = 0; c < channels; ++c) {
      if (c == 0 || logits_.per_channel) Compute(ranks, c, &weights);
      for (int64_t r = 0; r < ranks; ++r) table[r * channels + c] = weights[r];
    }
    return table;
  }

  void Compute(int64_t ranks, int64_t channel, std::vector<C>* weights) const {
    weights->resize(ranks);
    std::vector<double> e(ranks);
    logits_.Weights(ranks, channel, e.data(), [&](int64_t r, C p) { (*weights)[r] = p; });
  }

  RankLogits<C> logits_;
  std::shared_ptr<const std::vector<C>> full_;
  // The tables of windows with fewer ranks. Those of at most kMostKept ranks are found by their
  // number, because most windows with -inf ask for one.
  std::array<std::vector<C>, kMostKept> few_;
  std::map<int64_t, std::vector<C>> many_;
};

// Whether values are -inf, and so take no part.
template <class D>
HWY_INLINE M<D> AreNothing(D d, V<D> a) {
  return hn::Eq(a, hn::Set(d, -std::numeric_limits<hn::TFromD<D>>::infinity()));
}

// Calls f(count, lanes) for each number of values that some lanes' windows have, if it is at least
// one and less than `ranks`. `rows` has the ranked values, one vector for each rank.
template <class D, class F>
HWY_INLINE void ForEachCount(D d, const hn::TFromD<D>* rows, int64_t ranks, const F& f) {
  const int64_t step = static_cast<int64_t>(hn::Lanes(d));
  auto nothing = AreNothing(d, hn::LoadU(d, rows + (ranks - 1) * step));
  for (int64_t count = ranks - 1; count > 0 && !hn::AllFalse(d, nothing); --count) {
    const auto above = AreNothing(d, hn::LoadU(d, rows + (count - 1) * step));
    const auto lanes = hn::AndNot(above, nothing);
    if (!hn::AllFalse(d, lanes)) f(count, lanes);
    nothing = above;
  }
}

// Calls f(count, lanes) for the numbers of values below `ranks` that some lanes have, and these
// lanes. The first `ranks` of kTaps values are ranked, and values of -inf come last. The count is
// a std::integral_constant.
template <int kTaps, class D, class F>
HWY_INLINE void ForEachCountBelow(D d, const V<D>* ranked, int64_t ranks, const F& f) {
  bool done = false;
  Repeat<kTaps - 1>([&](auto from_last) SOFTPOOL_INLINE_ATTR {
    constexpr int kCount = kTaps - 1 - decltype(from_last)::value;
    if (done || kCount >= ranks) return;
    const auto nothing = AreNothing(d, ranked[kCount]);
    // If all lanes have a value here, they have values at all ranks before.
    done = hn::AllFalse(d, nothing);
    const auto lanes = hn::AndNot(AreNothing(d, ranked[kCount - 1]), nothing);
    if (!hn::AllFalse(d, lanes)) f(std::integral_constant<int, kCount>(), lanes);
  });
}

// Returns numbers that are finite in lanes whose values are ordinary or -inf.
template <class D>
HWY_INLINE V<D> CheckOrdinary(D d, const hn::TFromD<D>* rows, int64_t taps) {
  V<D> check = hn::Zero(d);
  for (int64_t i = 0; i < taps; ++i) {
    const V<D> a = hn::LoadU(d, rows + i * static_cast<int64_t>(hn::Lanes(d)));
    check = Check(d, hn::IfThenZeroElse(AreNothing(d, a), a), check);
  }
  return check;
}

// The values of ranks and their weights in memory, a vector for each rank. If `special` is set,
// some values may be -inf: such a rank gets no gradient. But if a window has no other values, its
// taps get the gradients of their ranks, and only the logits get none.
template <class D>
class RankRows {
 public:
  using C = hn::TFromD<D>;

  HWY_INLINE RankRows(const C* values, const C* weights, bool special)
      : values_(values), weights_(weights), special_(special), first_(At(values, 0)) {
    empty_ = AreNothing(D(), first_);
    if (special_) first_ = hn::IfThenZeroElse(empty_, first_);
  }

  HWY_INLINE V<D> Weight(int64_t r) const { return At(weights_, r); }
  // The value, or another one of the window instead of -inf: no distance between values overflows
  // because of a rank without a value.
  HWY_INLINE V<D> Value(int64_t r) const {
    const V<D> a = At(values_, r);
    return special_ ? hn::IfThenElse(AreNothing(D(), a), first_, a) : a;
  }
  // The gradient of the rank's tap, where g is that of the window.
  HWY_INLINE V<D> ToTap(V<D> g, int64_t r) const {
    const V<D> to_tap = hn::Mul(g, Weight(r));
    if (!special_) return to_tap;
    return hn::IfThenZeroElse(hn::AndNot(empty_, AreNothing(D(), At(values_, r))), to_tap);
  }
  // Returns `v`, or zero if the rank has no value.
  HWY_INLINE V<D> OrZero(int64_t r, V<D> v) const {
    return special_ ? hn::IfThenZeroElse(AreNothing(D(), At(values_, r)), v) : v;
  }

 private:
  HWY_INLINE static V<D> At(const C* rows, int64_t r) {
    return hn::LoadU(D(), rows + r * static_cast<int64_t>(hn::Lanes(D())));
  }

  const C* values_;
  const C* weights_;
  const bool special_;
  V<D> first_;
  M<D> empty_;
};

// The window of one lane, ranked by the slow reference path. Its memory serves one lane after
// another.
template <class C>
struct RankedLane {
  std::vector<Ranked<C>> ranked;  // the values that are kept
  std::vector<C> weights;         // the weights of `ranked`

  // Ranks the window and loads the weights. Returns false if there is a NaN in the window.
  template <class W>
  bool Rank(const W& window, size_t lane, RankWeights<C>& rank_weights) {
    ranked.clear();
    window.ForEach(
        [&](int64_t i, const Tap& tap) { ranked.push_back({window.LoadLane(tap, lane), i}); });
    if (!softpool::Rank(rank_weights.Ranks(), &ranked)) return false;
    rank_weights.OfChannel(static_cast<int64_t>(ranked.size()), window.lanes.Channel(lane),
                           &weights);
    return true;
  }

  C Sum() const {
    return WeighedSum(ranked.data(), weights.data(), static_cast<int64_t>(ranked.size()));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
