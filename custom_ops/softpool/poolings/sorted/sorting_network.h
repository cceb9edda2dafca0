// A sorting network: the pairs of values that it compares, and the number of its comparators.
#ifndef SOFTPOOL_POOLINGS_SORTED_SORTING_NETWORK_H_
#define SOFTPOOL_POOLINGS_SORTED_SORTING_NETWORK_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace softpool {

// Calls compare(i, j) with i < j for each comparator of Batcher's merge exchange over n values
// (Knuth, The Art of Computer Programming 3, section 5.2.2, algorithm M). The values are sorted
// once each comparator, in this order, has put its two values in order. There are about
// n log2(n)^2 / 4 comparators.
template <class Compare>
constexpr void MergeExchange(int64_t n, const Compare& compare) {
  int64_t top = 1;
  while (2 * top < n) top *= 2;
  for (int64_t p = top; p > 0; p /= 2) {
    int64_t r = 0, d = p;
    for (int64_t q = top;; q /= 2) {
      for (int64_t i = 0; i < n - d; ++i) {
        if ((i & p) == r) compare(i, i + d);
      }
      if (q == p) break;
      d = q - p;
      r = p;
    }
  }
}

constexpr int64_t MergeExchangeComparators(int64_t n) {
  int64_t count = 0;
  MergeExchange(n, [&count](int64_t, int64_t) { ++count; });
  return count;
}

// Returns the number of comparators in `ranks` passes over n values. Each pass bubbles the largest
// of the remaining values to the front and compares only neighbours.
constexpr int64_t PassesComparators(int64_t n, int64_t ranks) {
  return ranks * n - ranks * (ranks + 1) / 2;
}

// Returns the largest number of ranks that passes find with fewer comparators than merge exchange.
constexpr int64_t RanksByPasses(int64_t n) {
  const int64_t all = MergeExchangeComparators(n);
  int64_t ranks = 0;
  while (ranks + 1 < n && PassesComparators(n, ranks + 1) < all) ++ranks;
  return ranks;
}

struct Comparator {
  int64_t first = 0, second = 0;
};

template <int kCount>
constexpr auto MergeExchangeNetwork() {
  std::array<Comparator, MergeExchangeComparators(kCount)> network{};
  size_t size = 0;
  MergeExchange(kCount, [&](int64_t i, int64_t j) {
    network[size].first = i;
    network[size].second = j;
    ++size;
  });
  return network;
}

}  // namespace softpool

#endif  // SOFTPOOL_POOLINGS_SORTED_SORTING_NETWORK_H_
