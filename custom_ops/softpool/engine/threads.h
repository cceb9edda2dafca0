// The threads that a CPU's kernel runs on. The kernel does not know whose threads they are.
#ifndef SOFTPOOL_ENGINE_THREADS_H_
#define SOFTPOOL_ENGINE_THREADS_H_

#include <cstdint>
#include <functional>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace softpool {

// Work on the units [begin, end). Units are independent and may run at the same time.
using Shard = std::function<void(int64_t begin, int64_t end)>;

// Calls the shard so that each of `units` units is worked on once, and returns when all are done.
// `cycles_per_unit` is an estimate, from which the callee decides how many threads the work is
// worth.
using ParallelFor = std::function<void(int64_t units, int64_t cycles_per_unit, const Shard& shard)>;

// While an object of this class lives, its thread computes subnormal numbers as IEEE 754 defines
// them. Afterwards the thread has its old setting again. A thread pool may flush subnormals to zero
// on its threads while the caller's thread does not, and then a result would depend on the thread
// that computed it.
class ScopedSubnormals {
 public:
  ScopedSubnormals() : saved_(Read()) { Write(saved_ & ~kFlush); }
  ~ScopedSubnormals() { Write(saved_); }
  ScopedSubnormals(const ScopedSubnormals&) = delete;
  ScopedSubnormals& operator=(const ScopedSubnormals&) = delete;

 private:
#if defined(__SSE2__)
  static constexpr uint64_t kFlush = 0x8040;  // flush-to-zero and denormals-are-zero
  static uint64_t Read() { return _mm_getcsr(); }
  static void Write(uint64_t control) { _mm_setcsr(static_cast<unsigned>(control)); }
#elif defined(__aarch64__)
  static constexpr uint64_t kFlush = uint64_t{1} << 24;
  static uint64_t Read() {
    uint64_t control;
    asm volatile("mrs %0, fpcr" : "=r"(control));
    return control;
  }
  static void Write(uint64_t control) { asm volatile("msr fpcr, %0" : : "r"(control)); }
#else
  static constexpr uint64_t kFlush = 0;
  static uint64_t Read() { return 0; }
  static void Write(uint64_t) {}
#endif

  uint64_t saved_;
};

}  // namespace softpool

#endif  // SOFTPOOL_ENGINE_THREADS_H_
