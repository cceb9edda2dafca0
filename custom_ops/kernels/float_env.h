// Subnormal numbers are computed as IEEE 754 has them, on every thread. A thread pool may have told
// its threads to flush them to zero and the caller's thread not, which would make a result depend
// on where it was computed.
#ifndef TF_SOFTPOOL_KERNELS_FLOAT_ENV_H_
#define TF_SOFTPOOL_KERNELS_FLOAT_ENV_H_

#include <cstdint>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace softpool {

// Turns flushing off for its lifetime, and restores what the thread had.
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

#endif  // TF_SOFTPOOL_KERNELS_FLOAT_ENV_H_
