// The one class of XLA's header that softpool/ffi/threads.h names, over a few threads of its own.
#ifndef TF_SOFTPOOL_TESTS_SANITIZERS_XLA_FFI_API_FFI_H_
#define TF_SOFTPOOL_TESTS_SANITIZERS_XLA_FFI_API_FFI_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace xla::ffi {

// Starts a thread for each function. The last copy of the pool waits for all of them.
class ThreadPool {
 public:
  explicit ThreadPool(int64_t count) : count_(count), threads_(std::make_shared<Threads>()) {}

  int64_t num_threads() const { return count_; }
  void Schedule(std::function<void()> function) {
    const std::lock_guard<std::mutex> lock(threads_->mutex);
    threads_->all.emplace_back(std::move(function));
  }

 private:
  struct Threads {
    ~Threads() {
      for (std::thread& thread : all) thread.join();
    }
    std::mutex mutex;
    std::vector<std::thread> all;
  };

  int64_t count_;
  std::shared_ptr<Threads> threads_;
};

}  // namespace xla::ffi

#endif  // TF_SOFTPOOL_TESTS_SANITIZERS_XLA_FFI_API_FFI_H_
