// The threads of a running XLA program work on each unit once, and an exception reaches the caller.
#include "softpool/ffi/threads.h"

#include <gtest/gtest.h>

#include <new>
#include <numeric>
#include <stdexcept>
#include <vector>

namespace softpool {
namespace {

constexpr int64_t kCycles = 1'000'000;

TEST(Threads, WorkOnEachUnitOnce) {
  for (int64_t threads : {1, 2, 5}) {
    for (int64_t units : {0, 1, 3, 1000}) {
      // No atomic numbers: two threads that work on the same unit are a data race.
      std::vector<int> visits(units);
      const ParallelFor parallel = ThreadsOf(xla::ffi::ThreadPool(threads));
      for (int turn = 0; turn < 20; ++turn) {
        parallel(units, kCycles, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) ++visits[i];
        });
      }
      EXPECT_EQ(visits, std::vector<int>(units, 20)) << threads << " threads";
    }
  }
}

TEST(Threads, AreUsedByManyCallersAtOnce) {
  const xla::ffi::ThreadPool pool(4);
  std::vector<std::thread> callers;
  std::vector<int64_t> sums(3);
  for (int64_t& sum : sums) {
    callers.emplace_back([&pool, &sum] {
      std::vector<int64_t> squares(500);
      ThreadsOf(pool)(500, kCycles, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) squares[i] = i * i;
      });
      sum = std::accumulate(squares.begin(), squares.end(), int64_t{0});
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sums, std::vector<int64_t>(3, 499 * 500 * 999 / 6));
}

TEST(Threads, ThrowAgainWhatAUnitThrows) {
  const ParallelFor parallel = ThreadsOf(xla::ffi::ThreadPool(4));
  const auto run = [&](auto error) {
    parallel(100, kCycles, [&](int64_t begin, int64_t) {
      if (begin >= 0) throw error;
    });
  };
  EXPECT_THROW(run(std::bad_alloc()), std::bad_alloc);
  EXPECT_THROW(run(std::invalid_argument("a shape")), std::invalid_argument);
  EXPECT_THROW(run(std::logic_error("a mistake")), std::runtime_error);
}

}  // namespace
}  // namespace softpool
