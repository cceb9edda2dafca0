// Sums over all windows, one for each channel, the same to the last bit on every SIMD target.
#if defined(TF_SOFTPOOL_KERNELS_CHANNEL_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_CHANNEL_SUMS_INL_H_
#undef TF_SOFTPOOL_KERNELS_CHANNEL_SUMS_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_CHANNEL_SUMS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <vector>

#include "kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// `rows` sums for each channel. A window's terms are added in the type C that they are computed in,
// and runs of a few dozen windows in double, so that long sums stay exact and short ones quick.
template <class C>
class ChannelSums {
 public:
  static constexpr int64_t kRun = 64;

  void Reset(int64_t rows, int64_t channels) {
    channels_ = channels;
    windows_ = 0;
    run_.assign(rows * channels, C{0});
    totals_.assign(rows * channels, 0.0);
  }

  // Where the channels' terms are added.
  HWY_INLINE C* Row(int64_t row) { return run_.data() + row * channels_; }

  // To be called when the terms of so many windows have been added.
  void EndWindows(int64_t count) {
    windows_ += count;
    if (windows_ >= kRun) EndRun();
  }

  // The sums, as [rows, channels].
  const std::vector<double>& Totals() {
    EndRun();
    return totals_;
  }

 private:
  void EndRun() {
    for (size_t i = 0; i < run_.size(); ++i) totals_[i] += static_cast<double>(run_[i]);
    std::fill(run_.begin(), run_.end(), C{0});
    windows_ = 0;
  }

  int64_t channels_ = 0;
  int64_t windows_ = 0;  // of this run
  std::vector<C> run_;
  std::vector<double> totals_;
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
