// The sorting networks sort, and the reference path ranks the values of a window.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include "softpool/engine/op.h"
#include "softpool/poolings/sorted/sorted_reference.h"
#include "softpool/poolings/sorted/sorting_network.h"

namespace softpool {
namespace {

// Returns whether the network puts `values` in decreasing order.
bool Sorts(int64_t n, std::vector<int> values) {
  MergeExchange(n, [&](int64_t i, int64_t j) {
    if (values[j] > values[i]) std::swap(values[i], values[j]);
  });
  return std::is_sorted(values.begin(), values.end(), std::greater<int>());
}

TEST(MergeExchange, SortsEveryOrderOfZerosAndOnes) {
  for (int64_t n = 1; n <= 16; ++n) {
    for (int bits = 0; bits < 1 << n; ++bits) {
      std::vector<int> values(n);
      for (int64_t i = 0; i < n; ++i) values[i] = bits >> i & 1;
      ASSERT_TRUE(Sorts(n, values)) << n << ": " << bits;
    }
  }
}

TEST(MergeExchange, SortsLargeWindows) {
  std::mt19937 random(0);
  for (int64_t n : {25, 27, 49, 64, 100, 196, 1000, 4096}) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      std::vector<int> values(n);
      for (int& v : values) v = static_cast<int>(random() % 1000);
      ASSERT_TRUE(Sorts(n, values)) << n;
    }
  }
}

TEST(MergeExchange, ComparesAsOftenAsTheBookSays) {
  // Knuth, section 5.3.4, table of merge exchange.
  const std::vector<int64_t> expected = {0, 1, 3, 5, 9, 12, 16, 19, 26, 31, 37, 41, 48, 53, 59, 63};
  for (size_t n = 1; n <= expected.size(); ++n) {
    EXPECT_EQ(MergeExchangeComparators(static_cast<int64_t>(n)), expected[n - 1]) << n;
  }
}

TEST(RanksByPasses, IsWherePassesAreFewer) {
  for (int64_t n = 2; n < 40; ++n) {
    const int64_t ranks = RanksByPasses(n), all = MergeExchangeComparators(n);
    if (ranks > 0) {
      EXPECT_LT(PassesComparators(n, ranks), all);
    }
    if (ranks + 1 < n) {
      EXPECT_GE(PassesComparators(n, ranks + 1), all);
    }
  }
}

constexpr float kInf = std::numeric_limits<float>::infinity();

std::vector<int64_t> RankedPlaces(int64_t pool_range, std::vector<float> values) {
  std::vector<Ranked<float>> ranked;
  for (size_t i = 0; i < values.size(); ++i) ranked.push_back({values[i], static_cast<int64_t>(i)});
  if (!Rank(pool_range, &ranked)) return {-1};
  std::vector<int64_t> places;
  for (const auto& r : ranked) places.push_back(r.index);
  return places;
}

TEST(Rank, KeepsTheFirst) {
  using Places = std::vector<int64_t>;
  EXPECT_EQ(RankedPlaces(3, {1, 3, 2}), (Places{1, 2, 0}));
  EXPECT_EQ(RankedPlaces(9, {1, 3, 2}), (Places{1, 2, 0}));
  EXPECT_EQ(RankedPlaces(2, {0, -0.0f, 0, 1}), (Places{3, 0}));
  EXPECT_EQ(RankedPlaces(3, {5, 5, 5, 5}), (Places{0, 1, 2}));
  EXPECT_EQ(RankedPlaces(3, {-kInf, 1, -kInf, kInf}), (Places{3, 1}));
  EXPECT_EQ(RankedPlaces(2, {-kInf, -kInf, -kInf}), (Places{0, 1}));
  EXPECT_EQ(RankedPlaces(1, {2, std::numeric_limits<float>::quiet_NaN()}), (Places{-1}));
}

TEST(WeighedSum, LeavesOutWhatHasNoWeight) {
  const auto sum = [](std::vector<Ranked<float>> ranked, std::vector<float> weights) {
    return WeighedSum(ranked.data(), weights.data(), static_cast<int64_t>(ranked.size()));
  };
  EXPECT_EQ(sum({{kInf, 0}, {2, 1}}, {0, 0.5f}), 1);
  EXPECT_EQ(sum({{kInf, 0}, {2, 1}}, {0.5f, 0.5f}), kInf);
  EXPECT_TRUE(std::signbit(sum({{-0.0f, 0}}, {1})));
}

TEST(CheckRanks, SaysWhatIsWrong) {
  EXPECT_EQ(CheckRanks("rank_logits", {4}, {2, 2}, Padding::kValid, 3), "");
  EXPECT_EQ(CheckRanks("rank_logits", {1, 3}, {2, 2}, Padding::kValid, 3), "");
  EXPECT_EQ(CheckRanks("rank_logits", {-1, -1}, {2, 2}, Padding::kValid, 3), "");
  EXPECT_EQ(CheckRanks("rank_logits", {4, 3}, {2, 2}, Padding::kValid, -1), "");
  EXPECT_EQ(CheckRanks("rank_logits", {5}, {int64_t{1} << 30, int64_t{1} << 30, int64_t{1} << 30},
                       Padding::kValid, 3),
            "");
  EXPECT_NE(CheckRanks("rank_logits", {0}, {2, 2}, Padding::kValid, 3).find("from 1 to 4"),
            std::string::npos);
  EXPECT_NE(CheckRanks("rank_logits", {5}, {2, 2}, Padding::kValid, 3).find("[5]"),
            std::string::npos);
  EXPECT_NE(CheckRanks("rank_logits", {4, 2}, {2, 2}, Padding::kValid, 3).find("[pool_range, 3]"),
            std::string::npos);
  EXPECT_NE(CheckRanks("rank_logits", {}, {2, 2}, Padding::kValid, 3), "");
}

}  // namespace
}  // namespace softpool
