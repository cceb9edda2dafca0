// Ranks windows side by side in memory, and takes results from the ranks back to the taps.
#if defined(SOFTPOOL_POOLINGS_SORTED_ROW_RANKING_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SORTED_ROW_RANKING_INL_H_
#undef SOFTPOOL_POOLINGS_SORTED_ROW_RANKING_INL_H_
#else
#define SOFTPOOL_POOLINGS_SORTED_ROW_RANKING_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <vector>

#include "softpool/poolings/sorted/sorting-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// A row is a vector of lanes in which each lane belongs to one window. Equal values keep their
// order.
template <class C>
class RowRanking {
 public:
  using D = hn::ScalableTag<C>;

  // Written out for the reason that StableSort gives.
  HWY_INLINE RowRanking() {}

  // Makes room for windows of `taps` taps. The caller then writes their values to the rows.
  void Resize(int64_t taps) {
    taps_ = taps;
    rows_.resize(taps * Step());
  }
  HWY_INLINE C* Row(int64_t i) { return rows_.data() + i * Step(); }

  // Brings the largest `ranks` values to the first rows, in decreasing order.
  HWY_NOINLINE void Rank(int64_t ranks) {
    const int64_t passes = std::min(ranks, taps_ - 1);
    by_passes_ = PassesComparators(taps_, passes) <= kMostComparators;
    if (by_passes_) {
      SortByPasses(passes);
    } else {
      SortWithPlaces(ranks);
    }
  }

  // For each rank r, stores weight(r) in the row of the tap that has this rank. Taps without a rank
  // get zero.
  template <class F>
  HWY_NOINLINE void ToTaps(int64_t ranks, const F& weight, C* to_taps) const {
    const D d;
    const int64_t step = Step();
    if (by_passes_) {
      for (int64_t r = 0; r < taps_; ++r) {
        hn::StoreU(r < ranks ? weight(r) : hn::Zero(d), d, to_taps + r * step);
      }
      return UndoPasses(std::min(ranks, taps_ - 1), to_taps);
    }
    const Place* places = places_.data();
    std::fill(to_taps, to_taps + taps_ * step, C{0});
    for (int64_t r = 0; r < ranks; ++r) {
      HWY_ALIGN C lane[HWY_MAX_BYTES / sizeof(C)];
      hn::Store(weight(r), d, lane);
      for (int64_t i = 0; i < step; ++i) to_taps[places[r * step + i] * step + i] = lane[i];
    }
  }

 private:
  using Place = hn::TFromD<hn::RebindToUnsigned<D>>;
  // The comparators of all passes over 27 taps. For more, the network is quicker: it has fewer
  // comparators, although each of them also has to compare places.
  static constexpr int64_t kMostComparators = PassesComparators(27, 26);

  static int64_t Step() { return static_cast<int64_t>(hn::Lanes(D())); }

  void SortByPasses(int64_t passes) {
    const D d;
    int64_t at = 0;
    for (int64_t r = 0; r < passes; ++r) {
      V<D> largest = hn::LoadU(d, Row(taps_ - 1));
      for (int64_t i = taps_ - 2; i >= r; --i) {
        V<D> a = hn::LoadU(d, Row(i));
        swapped_[at++] = hn::Gt(largest, a);
        Exchange(d, a, largest);
        hn::StoreU(largest, d, Row(i + 1));
        largest = a;
      }
      hn::StoreU(largest, d, Row(r));
    }
  }

  void UndoPasses(int64_t passes, C* rows) const {
    const D d;
    const int64_t step = Step();
    int64_t at = PassesComparators(taps_, passes);
    for (int64_t r = passes - 1; r >= 0; --r) {
      V<D> moving = hn::LoadU(d, rows + r * step);
      for (int64_t i = r; i < taps_ - 1; ++i) {
        const V<D> next = hn::LoadU(d, rows + (i + 1) * step);
        const auto swapped = swapped_[--at];
        hn::StoreU(hn::IfThenElse(swapped, next, moving), d, rows + i * step);
        moving = hn::IfThenElse(swapped, moving, next);
      }
      hn::StoreU(moving, d, rows + (taps_ - 1) * step);
    }
  }

  // Equal values are ordered by their places in the window.
  void SortWithPlaces(int64_t ranks) {
    const hn::RebindToUnsigned<D> du;
    const int64_t step = Step();
    places_.resize(taps_ * step);
    for (int64_t i = 0; i < taps_; ++i) {
      hn::StoreU(hn::Set(du, static_cast<Place>(i)), du, places_.data() + i * step);
    }
    const auto exchange = [&](int64_t i, int64_t j)
                              HWY_ATTR { ExchangeWithPlaces(Row(i), Row(j), i * step, j * step); };
    SelectByComparing(taps_, ranks, exchange);
  }

  HWY_INLINE void ExchangeWithPlaces(C* a, C* b, int64_t i, int64_t j) {
    const D d;
    const hn::RebindToUnsigned<D> du;
    const auto first = hn::LoadU(d, a), second = hn::LoadU(d, b);
    Place *first_at = places_.data() + i, *second_at = places_.data() + j;
    const auto first_place = hn::LoadU(du, first_at), second_place = hn::LoadU(du, second_at);
    const auto is_later = hn::RebindMask(d, hn::Gt(first_place, second_place));
    const auto swap = hn::Or(hn::Gt(second, first), hn::And(hn::Eq(first, second), is_later));
    const auto swap_places = hn::RebindMask(du, swap);
    hn::StoreU(hn::IfThenElse(swap, second, first), d, a);
    hn::StoreU(hn::IfThenElse(swap, first, second), d, b);
    hn::StoreU(hn::IfThenElse(swap_places, second_place, first_place), du, first_at);
    hn::StoreU(hn::IfThenElse(swap_places, first_place, second_place), du, second_at);
  }

  int64_t taps_ = 0;
  bool by_passes_ = false;
  std::vector<C> rows_;
  std::vector<Place> places_;
  M<D> swapped_[kMostComparators];
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
