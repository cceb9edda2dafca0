// Work that a caller shares with whichever threads come.
#ifndef SOFTPOOL_ENGINE_SHARED_WORK_H_
#define SOFTPOOL_ENGINE_SHARED_WORK_H_

#include <semaphore.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <new>

#include "softpool/engine/first_error.h"
#include "softpool/engine/threads.h"

namespace softpool {

// The blocks of one call. Whichever threads come take the blocks in turn. The caller also takes
// blocks, and waits only for blocks that others have begun, so it does not need a free thread. A
// thread that comes when all is done finds no block left: this object lives longer than the call.
// If a block throws an exception, the caller throws it. So a call ends even if no other thread ever
// comes, as in a process that was forked: it has none of its parent's threads.
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

// Does the work on the calling thread and on up to `most_threads - 1` others. `schedule` takes a
// function, and calls it on another thread at any time or never.
template <class Schedule>
void ShareWork(int64_t most_threads, int64_t units, int64_t cycles_per_unit, const Shard& shard,
               const Schedule& schedule) {
  // Roughly the cost of waking a thread: TensorFlow uses the same figure for its kernels.
  constexpr int64_t kLeastCyclesPerThread = 10000;
  // There are more blocks than threads, because threads do not all begin at once or run equally
  // fast.
  constexpr int64_t kBlocksPerThread = 4;
  if (units <= 0) return;
  // In floating point, because the product may not fit an integer.
  const double worth = static_cast<double>(units) * cycles_per_unit / kLeastCyclesPerThread;
  const int64_t most = std::min(most_threads, units);
  const int64_t threads = worth < most ? static_cast<int64_t>(worth) : most;
  if (threads <= 1) return shard(0, units);
  const int64_t blocks = std::min(units, kBlocksPerThread * threads);
  const auto work = std::make_shared<SharedWork>(units, blocks, shard);
  try {
    for (int64_t i = 1; i < threads; ++i) schedule([work] { work->Take(); });
  } catch (const std::bad_alloc&) {
    // The threads that were scheduled are enough. Even the caller alone would be.
  }
  work->Take();
  work->Wait();
}

}  // namespace softpool

#endif  // SOFTPOOL_ENGINE_SHARED_WORK_H_
