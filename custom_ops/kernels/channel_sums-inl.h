// Sums over all windows, one for each channel, the same to the last bit on every SIMD target.
#if defined(TF_SOFTPOOL_KERNELS_CHANNEL_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_CHANNEL_SUMS_INL_H_
#undef TF_SOFTPOOL_KERNELS_CHANNEL_SUMS_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_CHANNEL_SUMS_INL_H_
#endif

#include <hwy/highway.h>

#include <vector>

#include "kernels/lanes-inl.h"
#include "kernels/partition.h"

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
    run_channels_ = {};
    run_.assign(rows * channels, C{0});
    totals_.assign(rows * channels, 0.0);
  }

  // Where the channels' terms are added.
  HWY_INLINE C* Row(int64_t row) { return run_.data() + row * channels_; }

  // To be called when the terms of so many windows of these channels have been added. Ranges of
  // channels are the same or apart.
  void EndWindows(int64_t count, Range channels) {
    if (channels.begin != run_channels_.begin) EndRun();
    run_channels_ = channels;
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
    for (int64_t first = 0; first < static_cast<int64_t>(run_.size()); first += channels_) {
      for (int64_t i = first + run_channels_.begin; i < first + run_channels_.end; ++i) {
        totals_[i] += static_cast<double>(run_[i]);
        run_[i] = C{0};
      }
    }
    windows_ = 0;
  }

  int64_t channels_ = 0;
  int64_t windows_ = 0;  // of this run, and their channels
  Range run_channels_;
  std::vector<C> run_;
  std::vector<double> totals_;
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
