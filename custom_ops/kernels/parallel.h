// How a kernel spreads its work over threads without knowing whose they are.
#ifndef TF_SOFTPOOL_KERNELS_PARALLEL_H_
#define TF_SOFTPOOL_KERNELS_PARALLEL_H_

#include <cstdint>
#include <functional>

namespace softpool {

// Work on the units [begin, end). Units are independent and may run at the same time.
using Shard = std::function<void(int64_t begin, int64_t end)>;

// Calls the shard so that each of `units` units is worked on once, and returns when all are done.
// `cycles_per_unit` is an estimate from which the callee decides how many threads the work is
// worth.
using ParallelFor = std::function<void(int64_t units, int64_t cycles_per_unit, const Shard& shard)>;

}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_PARALLEL_H_
