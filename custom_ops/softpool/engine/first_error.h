// The first exception of several threads, which the thread that waits for them throws again.
#ifndef SOFTPOOL_ENGINE_FIRST_ERROR_H_
#define SOFTPOOL_ENGINE_FIRST_ERROR_H_

#include <cstring>
#include <exception>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>

namespace softpool {

// Keeps the kind and the text of the exceptions that kernels throw, and not the exception itself: a
// std::exception_ptr would need a newer C++ library than that of the systems on which we run.
class FirstError {
 public:
  // Calls a function, and keeps what it throws.
  template <class Function>
  void Guard(const Function& function) {
    try {
      function();
    } catch (const std::bad_alloc&) {
      Keep(Kind::kMemory, "");
    } catch (const std::invalid_argument& error) {
      Keep(Kind::kArgument, error.what());
    } catch (const std::exception& error) {
      Keep(Kind::kOther, error.what());
    } catch (...) {
      Keep(Kind::kOther, "an unknown exception");
    }
  }

  // Throws what was kept, if anything was. No other thread may use this object any more.
  void Rethrow() const {
    if (kind_ == Kind::kMemory) throw std::bad_alloc();
    if (kind_ == Kind::kArgument) throw std::invalid_argument(text_);
    if (kind_ == Kind::kOther) throw std::runtime_error(text_);
  }

 private:
  enum class Kind { kNone, kMemory, kArgument, kOther };

  void Keep(Kind kind, const char* text) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (kind_ != Kind::kNone) return;
    kind_ = kind;
    std::strncpy(text_, text, sizeof(text_) - 1);
  }

  std::mutex mutex_;
  Kind kind_ = Kind::kNone;
  char text_[512] = "";  // an array, because a thread without memory cannot make a string
};

}  // namespace softpool

#endif  // SOFTPOOL_ENGINE_FIRST_ERROR_H_
