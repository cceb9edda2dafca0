#include "softpool/ffi/threads.h"

#include <utility>

#include "softpool/engine/shared_work.h"

namespace softpool {

ParallelFor ThreadsOf(xla::ffi::ThreadPool pool) {
  return [pool](int64_t units, int64_t cycles_per_unit, const Shard& shard) mutable {
    ShareWork(pool.num_threads(), units, cycles_per_unit, shard,
              [&pool](auto work) { pool.Schedule(std::move(work)); });
  };
}

}  // namespace softpool
