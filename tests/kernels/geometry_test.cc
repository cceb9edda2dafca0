// Window geometry and its partitions, checked by counting.
#include "softpool/engine/geometry.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "softpool/engine/tiling.h"

namespace softpool {
namespace {

PoolGeometry Make(std::vector<int64_t> dims, std::vector<int64_t> ksize,
                  std::vector<int64_t> strides, Padding padding,
                  DataFormat format = DataFormat::kChannelsLast) {
  PoolGeometry g;
  EXPECT_EQ(MakeGeometry(dims, ksize, strides, padding, format, &g), "");
  return g;
}

TEST(Geometry, EveryWindowHasAPositionAndStaysInside) {
  for (Padding padding : {Padding::kValid, Padding::kSame}) {
    for (int64_t in = 1; in < 12; ++in) {
      for (int64_t k = 1; k < 14; ++k) {
        for (int64_t s = 1; s < 14; ++s) {
          if (padding == Padding::kValid && k > in) continue;
          const PoolAxis axis = Make({1, in, 1}, {k}, {s}, padding).axis[2];
          const int64_t expected = padding == Padding::kSame ? (in + s - 1) / s : (in - k + s) / s;
          ASSERT_EQ(axis.out, expected);
          for (int64_t o = 0; o < axis.out; ++o) {
            ASSERT_LT(axis.Begin(o), axis.End(o));
            ASSERT_GE(axis.Begin(o), 0);
            ASSERT_LE(axis.End(o), in);
          }
        }
      }
    }
  }
}

TEST(Geometry, WindowsOfPartsAreThoseThatReachThem) {
  for (Padding padding : {Padding::kValid, Padding::kSame}) {
    for (int64_t in = 1; in < 10; ++in) {
      for (int64_t k = 1; k <= in; ++k) {
        for (int64_t s = 1; s < 6; ++s) {
          const PoolAxis a = Make({1, in, 1}, {k}, {s}, padding).axis[2];
          for (int64_t begin = 0; begin < in; ++begin) {
            for (int64_t end = begin + 1; end <= in; ++end) {
              const Range reaching = WindowsReaching(a, {begin, end});
              const Range uncut = UncutWindows(a, {begin, end}, {0, a.out});
              for (int64_t o = 0; o < a.out; ++o) {
                const bool reaches = a.Begin(o) < end && a.End(o) > begin;
                ASSERT_EQ(o >= reaching.begin && o < reaching.end, reaches);
                const bool is_uncut = a.Start(o) >= begin && a.Start(o) + a.window <= end;
                ASSERT_EQ(o >= uncut.begin && o < uncut.end, is_uncut);
              }
            }
          }
        }
      }
    }
  }
}

TEST(Geometry, GapsAreWhatNoWindowCovers) {
  for (int64_t in = 1; in < 10; ++in) {
    for (int64_t k = 1; k <= in; ++k) {
      for (int64_t s = 1; s < 8; ++s) {
        const PoolAxis a = Make({1, in, 1}, {k}, {s}, Padding::kValid).axis[2];
        if (a.Overlaps()) continue;
        bool gaps = false;
        for (int64_t i = 0; i < in; ++i) {
          bool covered = false;
          for (int64_t o = 0; o < a.out; ++o) covered |= i >= a.Begin(o) && i < a.End(o);
          ASSERT_EQ(a.Covers(i), covered) << in << " " << k << " " << s << " " << i;
          gaps |= !covered;
        }
        ASSERT_EQ(a.HasGaps(), gaps);
      }
    }
  }
}

TEST(Geometry, ErrorsNameTheValue) {
  PoolGeometry g;
  const auto error = [&](std::vector<int64_t> dims, std::vector<int64_t> k,
                         std::vector<int64_t> s) {
    return MakeGeometry(dims, k, s, Padding::kValid, DataFormat::kChannelsLast, &g);
  };
  EXPECT_NE(error({1, 4, 4, 1}, {2}, {2}).find("rank 3"), std::string::npos);
  EXPECT_NE(error({1, 4, 1}, {0}, {2}).find("got [0]"), std::string::npos);
  EXPECT_NE(error({1, 4, 1}, {2}, {-1}).find("got [-1]"), std::string::npos);
  EXPECT_NE(error({1, 4, 1}, {1ll << 31}, {2}).find("2147483648"), std::string::npos);
  EXPECT_NE(error({1, 4, 1}, {2}, {2, 2}).find("strides"), std::string::npos);
  EXPECT_NE(error({1, 4, 1}, {5}, {1}).find("larger"), std::string::npos);
  EXPECT_NE(error({1, 1, 1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}).find("ksize"), std::string::npos);
  EXPECT_EQ(error({1, 4, 1}, {4}, {2147483647}), "");
}

TEST(Geometry, SizesBesideZeroMayBeEnormous) {
  const int64_t vast = int64_t{1} << 62;
  for (Padding padding : {Padding::kValid, Padding::kSame}) {
    EXPECT_TRUE(Make({0, vast, vast, 3}, {2, 2}, {1, 1}, padding).Empty());
    EXPECT_TRUE(
        Make({0, 3, vast, vast}, {1, 1}, {3, 1}, padding, DataFormat::kChannelsFirst).Empty());
    EXPECT_TRUE(Make({1, vast, vast, 0}, {2, 2}, {1, 1}, padding).Empty());
    EXPECT_TRUE(
        Make({vast, 17, 0, 9}, {1, 1}, {1, 1}, Padding::kSame, DataFormat::kChannelsFirst).Empty());
    EXPECT_FALSE(Make({1, vast, 1, 1}, {2, 1}, {1, 1}, padding).Empty());
  }
  const int64_t most = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(Make({0, most, 1}, {2147483647}, {1}, Padding::kSame).axis[2].pad, 1073741823);
}

TEST(Geometry, WindowsOfEnormousSizes) {
  const int64_t most = std::numeric_limits<int64_t>::max();
  const PoolAxis last = Make({1, most, 1}, {2147483647}, {1}, Padding::kSame).axis[2];
  EXPECT_EQ(last.Begin(most - 1), most - 1 - 1073741823);
  EXPECT_EQ(last.End(most - 1), most);
  EXPECT_EQ(last.End(0), 1073741824);
  // The last of four parts begins at floor(3 n / 4).
  PoolAxis quarters = Make({1, most - 1, 1}, {4}, {1}, Padding::kAdaptive).axis[2];
  EXPECT_EQ(quarters.Begin(3), 6917529027641081854);
  EXPECT_EQ(quarters.End(3), most - 1);
  quarters.Surround(3);
  EXPECT_EQ(quarters.Begin(3), 8070450532247928829);
  EXPECT_EQ(quarters.End(3), 8070450532247928832);
}

struct Shape {
  std::vector<int64_t> dims, ksize, strides;
};
const Shape kShapes[] = {
    {{2, 9, 7, 3}, {2, 2}, {2, 2}},
    {{1, 200, 190, 70}, {3, 3}, {2, 2}},
    {{40, 5, 1}, {3}, {1}},
    {{1, 100000, 1}, {4}, {4}},
    {{3, 6, 7, 8, 33}, {3, 2, 3}, {1, 2, 2}},
    {{2, 40, 40, 2049}, {40, 40}, {1, 1}},
    {{1, 9, 130}, {9}, {9}},
};

TEST(Partition, UnitsCoverEveryOutputOnce) {
  for (const Shape& shape : kShapes) {
    for (DataFormat format : {DataFormat::kChannelsLast, DataFormat::kChannelsFirst}) {
      std::vector<int64_t> dims = shape.dims;
      if (format == DataFormat::kChannelsFirst) std::swap(dims[1], dims.back());
      PoolGeometry g;
      if (!MakeGeometry(dims, shape.ksize, shape.strides, Padding::kSame, format, &g).empty()) {
        continue;
      }
      const WindowPartition parts(g);
      int64_t outputs = 0;
      for (int64_t i = 0; i < parts.Count(); ++i) {
        const auto u = parts.At(i);
        const int64_t size = u.images.Size() * u.channels.Size() * u.last.Size();
        ASSERT_GT(size, 0);
        ASSERT_LE(size, parts.OutputsPerUnit());
        outputs += size;
      }
      EXPECT_EQ(outputs, g.outer * g.inner * g.OutputPositions());
    }
  }
}

TEST(Partition, BoxesCoverEveryOutputOnceAndFit) {
  int packed = 0;
  for (const Shape& shape : kShapes) {
    for (DataFormat format : {DataFormat::kChannelsLast, DataFormat::kChannelsFirst}) {
      std::vector<int64_t> dims = shape.dims;
      if (format == DataFormat::kChannelsFirst) std::swap(dims[1], dims.back());
      PoolGeometry g;
      if (!MakeGeometry(dims, shape.ksize, shape.strides, Padding::kSame, format, &g).empty() ||
          !IsPacked(g)) {
        continue;
      }
      ++packed;
      const BoxPartition parts(g, 4, 4);
      int64_t outputs = 0;
      for (int64_t i = 0; i < parts.Count(); ++i) {
        const auto box = parts.At(i);
        ASSERT_LE(box.images.Size() * g.inner, kPackedLanes);
        int64_t size = box.images.Size() * g.inner, bytes_of_inputs = 4 * kPackedLanes;
        for (int a = 0; a < kAxes; ++a) {
          const Range windows = box.windows[a];
          size *= windows.Size();
          bytes_of_inputs *= g.axis[a].End(windows.end - 1) - g.axis[a].Begin(windows.begin);
        }
        ASSERT_GT(size, 0);
        ASSERT_LE(size, parts.OutputsPerBox());
        ASSERT_LE(bytes_of_inputs, 128 * 1024);
        outputs += size;
      }
      EXPECT_EQ(outputs, g.outer * g.inner * g.OutputPositions());
    }
  }
  EXPECT_GE(packed, 5);
}

TEST(Partition, LargeWindowsAreNotPacked) {
  EXPECT_TRUE(IsPacked(Make({16, 32, 32, 1}, {32, 32}, {1, 1}, Padding::kValid)));
  EXPECT_FALSE(IsPacked(Make({16, 33, 32, 1}, {33, 32}, {1, 1}, Padding::kValid)));
  EXPECT_FALSE(IsPacked(Make({7, 8, 8, 1}, {2, 2}, {2, 2}, Padding::kValid)));
  EXPECT_FALSE(IsPacked(Make({8, 8, 8, 16}, {2, 2}, {2, 2}, Padding::kValid)));
}

TEST(Partition, TilesCoverEveryInputOnceAndFit) {
  for (const Shape& shape : kShapes) {
    const PoolGeometry g = Make(shape.dims, shape.ksize, shape.strides, Padding::kSame);
    const TilePartition parts(g, 4);
    EXPECT_LE(parts.LargestTile() * 4, 256 * 1024);
    int64_t inputs = 0;
    for (int64_t i = 0; i < parts.Count(); ++i) {
      const auto tile = parts.At(i);
      int64_t size = tile.images.Size() * tile.channels.Size();
      for (const Range& range : tile.part) size *= range.Size();
      ASSERT_GT(size, 0);
      ASSERT_LE(size, parts.LargestTile());
      inputs += size;
    }
    EXPECT_EQ(inputs, g.outer * g.inner * g.InputPositions());
  }
}

}  // namespace
}  // namespace softpool
