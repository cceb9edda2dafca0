#include "softpool/xla/threads.h"

#include <semaphore.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <new>

#include "softpool/engine/first_error.h"

namespace softpool {
namespace {

// Roughly the cost of waking a thread: TensorFlow uses the same figure for its kernels.
constexpr int64_t kLeastCyclesPerThread = 10000;
// There are more blocks than threads, because threads do not all begin at once or run equally fast.
constexpr int64_t kBlocksPerThread = 4;

// The blocks of one call. Whichever threads come take the blocks in turn. The caller also takes
// blocks, and waits only for blocks that others have begun, so it does not need a free thread. A
// thread that comes when all is done finds no block left: this object lives longer than the call.
// If a block throws an exception, the caller throws it.
class SharedWork {
 public:
  SharedWork(int64_t units, int64_t blocks, const Shard& shard)
      : units_(units), blocks_(blocks), shard_(shard), left_(blocks) {
    sem_init(&all_done_, 0, 0);
  }
  SharedWork(const SharedWork&) = delete;
  SharedWork& operator=(const SharedWork&) = delete;
  ~SharedWork() { sem_destroy(&all_done_); }

  void Take() {
    int64_t block;
    while ((block = next_.fetch_add(1)) < blocks_) {
      error_.Guard([&] { shard_(units_ * block / blocks_, units_ * (block + 1) / blocks_); });
      if (--left_ == 0) sem_post(&all_done_);
    }
  }

  void Wait() {
    while (sem_wait(&all_done_) != 0 && errno == EINTR) {
    }
    error_.Rethrow();
  }

 private:
  const int64_t units_, blocks_;
  const Shard& shard_;  // must not be called after Wait() has returned
  std::atomic<int64_t> next_ = 0, left_;
  // A std::condition_variable would need a newer C++ library than that of the systems on which we
  // run.
  sem_t all_done_;
  FirstError error_;
};

}  // namespace

ParallelFor ThreadsOf(xla::ffi::ThreadPool pool) {
  return [pool](int64_t units, int64_t cycles_per_unit, const Shard& shard) mutable {
    if (units <= 0) return;
    // In floating point, because the product may not fit an integer.
    const double worth = static_cast<double>(units) * cycles_per_unit / kLeastCyclesPerThread;
    const int64_t most = std::min(pool.num_threads(), units);
    const int64_t threads = worth < most ? static_cast<int64_t>(worth) : most;
    if (threads <= 1) return shard(0, units);
    const int64_t blocks = std::min(units, kBlocksPerThread * threads);
    const auto work = std::make_shared<SharedWork>(units, blocks, shard);
    try {
      for (int64_t i = 1; i < threads; ++i) pool.Schedule([work] { work->Take(); });
    } catch (const std::bad_alloc&) {
      // The threads that were scheduled are enough. Even the caller alone would be.
    }
    work->Take();
    work->Wait();
  };
}

}  // namespace softpool
