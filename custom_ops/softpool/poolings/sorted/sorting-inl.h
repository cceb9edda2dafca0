// Sorts as many windows at once as a vector has lanes, in decreasing order and without branches.
// Windows of the sizes that people use are sorted in registers, others in memory.
#if defined(SOFTPOOL_POOLINGS_SORTED_SORTING_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SORTED_SORTING_INL_H_
#undef SOFTPOOL_POOLINGS_SORTED_SORTING_INL_H_
#else
#define SOFTPOOL_POOLINGS_SORTED_SORTING_INL_H_
#endif

#include "softpool/poolings/sorted/sorting_network.h"
#include "softpool/simd/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// Puts two values in order: they change places only if the second is larger. Equal values stay.
template <class D>
HWY_INLINE void Exchange(D d, V<D>& first, V<D>& second) {
  const V<D> larger = Larger(d, second, first);
  second = Smaller(d, second, first);
  first = larger;
}

template <int kCount, class D>
HWY_INLINE void SortByNetwork(D d, V<D>* a) {
  constexpr auto network = MergeExchangeNetwork<kCount>();
  Repeat<static_cast<int>(network.size())>([&](auto i) HWY_ATTR {
    constexpr Comparator c = network[decltype(i)::value];
    Exchange(d, a[c.first], a[c.second]);
  });
}

// One pass brings the largest of a[kRank] and the values after it to a[kRank], by exchanges of
// neighbours. `exchange(i)` puts a[i] and a[i + 1] in order.
template <int kCount, int kRank, class F>
HWY_INLINE void Pass(const F& exchange) {
  Repeat<kCount - 1 - kRank>([&](auto i) SOFTPOOL_INLINE_ATTR {
    exchange(std::integral_constant<int, kCount - 2 - decltype(i)::value>());
  });
}

// Brings the largest `ranks` of kCount values to the front, in order. The others follow in any
// order.
template <int kCount, class D>
HWY_INLINE void Select(D d, V<D>* a, int64_t ranks) {
  constexpr int kMostPasses = RanksByPasses(kCount);
  if (ranks > kMostPasses) return SortByNetwork<kCount>(d, a);
  Repeat<kMostPasses>([&](auto rank) HWY_ATTR {
    if (rank >= ranks) return;
    Pass<kCount, decltype(rank)::value>([&](auto i)
                                            HWY_ATTR { Exchange(d, a[i.value], a[i.value + 1]); });
  });
}

// Does the same for rows of values in memory.
template <int kCount, class D>
HWY_NOINLINE void SelectRows(D d, hn::TFromD<D>* rows, int64_t ranks) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V<D> a[kCount];
  for (int i = 0; i < kCount; ++i) a[i] = hn::LoadU(d, rows + i * lanes);
  Select<kCount>(d, a, ranks);
  for (int i = 0; i < kCount; ++i) hn::StoreU(a[i], d, rows + i * lanes);
}

// Returns whether passes find the ranks with fewer comparators than merge exchange. The number of
// comparators of merge exchange is an estimate.
inline bool PassesAreFewer(int64_t count, int64_t ranks) {
  int64_t log2 = 0;
  while (int64_t{1} << log2 < count) ++log2;
  return PassesComparators(count, ranks) < count * log2 * (log2 + 1) / 4;
}

// Brings the largest `ranks` of `count` values to the front, in order, by calls of exchange(i, j)
// with i < j.
template <class F>
HWY_INLINE void SelectByComparing(int64_t count, int64_t ranks, const F& exchange) {
  if (!PassesAreFewer(count, ranks)) return MergeExchange(count, exchange);
  for (int64_t r = 0; r < ranks; ++r) {
    for (int64_t i = count - 2; i >= r; --i) exchange(i, i + 1);
  }
}

template <class D>
HWY_NOINLINE void SelectRowsOfAnyCount(D d, hn::TFromD<D>* rows, int64_t count, int64_t ranks) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  SelectByComparing(count, ranks, [&](int64_t i, int64_t j) HWY_ATTR {
    auto first = hn::LoadU(d, rows + i * lanes), second = hn::LoadU(d, rows + j * lanes);
    Exchange(d, first, second);
    hn::StoreU(first, d, rows + i * lanes);
    hn::StoreU(second, d, rows + j * lanes);
  });
}

template <class D>
HWY_INLINE void SelectRows(D d, hn::TFromD<D>* rows, int64_t count, int64_t ranks) {
  switch (count) {
    case 8:
      return SelectRows<8>(d, rows, ranks);
    case 9:
      return SelectRows<9>(d, rows, ranks);
    case 16:
      return SelectRows<16>(d, rows, ranks);
    case 25:
      return SelectRows<25>(d, rows, ranks);
    case 27:
      return SelectRows<27>(d, rows, ranks);
    default:
      return SelectRowsOfAnyCount(d, rows, count, ranks);
  }
}

// Sorts kCount values by exchanges of neighbours only, so that equal values keep their order.
// Undo() is the way back.
template <int kCount, class D>
class StableSort {
 public:
  // GCC compiles a constructor that is not written out without the target's instructions, and then
  // fails to inline the constructors of NEON's masks.
  HWY_INLINE StableSort() {}

  // Does what Select() does. `ranks` is a number or a std::integral_constant.
  template <class Ranks>
  HWY_INLINE void Sort(D d, V<D>* a, Ranks ranks) {
    Passes(ranks, [&](auto i, auto step) SOFTPOOL_INLINE_ATTR {
      swapped_[step.value] = hn::Gt(a[i.value + 1], a[i.value]);
      Exchange(d, a[i.value], a[i.value + 1]);
    });
  }

  // Takes the element at each rank to the place where the value of that rank came from.
  template <class Ranks>
  HWY_INLINE void Undo(V<D>* a, Ranks ranks) const {
    Repeat<kCount - 1>([&](auto from_last) SOFTPOOL_INLINE_ATTR {
      constexpr int kRank = kCount - 2 - decltype(from_last)::value;
      if (kRank >= ranks) return;
      Repeat<kCount - 1 - kRank>([&](auto from_first) SOFTPOOL_INLINE_ATTR {
        constexpr int i = kRank + decltype(from_first)::value;
        const auto swapped = swapped_[Step<kRank>(i)];
        const V<D> first = hn::IfThenElse(swapped, a[i + 1], a[i]);
        a[i + 1] = hn::IfThenElse(swapped, a[i], a[i + 1]);
        a[i] = first;
      });
    });
  }

 private:
  // The index in `swapped_` of the comparison of i and i + 1 in pass kRank.
  template <int kRank>
  static constexpr int Step(int i) {
    return PassesComparators(kCount, kRank) + kCount - 2 - i;
  }

  template <class Ranks, class F>
  HWY_INLINE void Passes(Ranks ranks, const F& exchange) {
    Repeat<kCount - 1>([&](auto rank) SOFTPOOL_INLINE_ATTR {
      constexpr int kRank = decltype(rank)::value;
      if (kRank >= ranks) return;
      Pass<kCount, kRank>([&](auto i) SOFTPOOL_INLINE_ATTR {
        exchange(i, std::integral_constant<int, Step<kRank>(decltype(i)::value)>());
      });
    });
  }

  M<D> swapped_[PassesComparators(kCount, kCount - 1)];
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
