// Memory that a thread keeps from one piece of work to the next.
#ifndef SOFTPOOL_ENGINE_SCRATCH_H_
#define SOFTPOOL_ENGINE_SCRATCH_H_

#include <hwy/aligned_allocator.h>

#include <cstdint>
#include <new>

namespace softpool {

// Memory aligned for vectors. A copy starts without memory, so each thread's copy of a pooling's
// mathematics has its own.
template <class T>
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) {}
  Scratch& operator=(const Scratch&) = delete;

  // Returns memory for `size` elements. Its content is arbitrary, and the last call's is lost.
  T* Reserve(int64_t size) {
    if (size > size_) {
      memory_ = hwy::AllocateAligned<T>(size);
      if (memory_ == nullptr) throw std::bad_alloc();
      size_ = size;
    }
    return memory_.get();
  }

 private:
  int64_t size_ = 0;
  hwy::AlignedFreeUniquePtr<T[]> memory_;
};

}  // namespace softpool

#endif  // SOFTPOOL_ENGINE_SCRATCH_H_
