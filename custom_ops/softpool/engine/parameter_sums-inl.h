// Sums over all windows, one for each channel. They are the same to the last bit on every SIMD
// target.
#if defined(SOFTPOOL_ENGINE_PARAMETER_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_ENGINE_PARAMETER_SUMS_INL_H_
#undef SOFTPOOL_ENGINE_PARAMETER_SUMS_INL_H_
#else
#define SOFTPOOL_ENGINE_PARAMETER_SUMS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "softpool/engine/pool_math.h"
#include "softpool/simd/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// `rows` sums for each channel. A run of a few dozen windows is added up in the type C that terms
// are computed in, and the runs are added up in double. Long sums therefore stay exact, and short
// ones are fast.
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

  // Returns the sums of one row, for terms to be added to: one for each channel.
  HWY_INLINE C* Row(int64_t row) { return run_.data() + row * channels_; }

  // Must be called when the terms of `count` windows have been added, of channels in a range.
  void EndWindows(int64_t count, Range channels) {
    if (channels.begin != run_channels_.begin || channels.end != run_channels_.end) EndRun();
    run_channels_ = channels;
    windows_ += count;
    if (windows_ >= kRun) EndRun();
  }

  // Returns the sums, as [rows, channels].
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
  int64_t windows_ = 0;  // in this run, of the channels run_channels_
  Range run_channels_;
  std::vector<C> run_;
  std::vector<double> totals_;
};

// The gradients of a pooling's parameters: `rows` of them for each channel, or for all channels
// together. Each block of units has its own sums, which are kept until all blocks are done.
template <class C>
class ParameterSums {
 public:
  ParameterSums(int64_t rows, int64_t channels, bool per_channel)
      : count_(per_channel ? rows * channels : rows),
        most_blocks_(std::clamp<int64_t>((int64_t{1} << 20) / std::max<int64_t>(count_, 1), 8, 64)),
        rows_(rows),
        channels_(channels),
        per_channel_(per_channel),
        sums_(count_ * most_blocks_) {}

  int64_t MostBlocks() const { return most_blocks_; }
  void Begin(ChannelSums<C>* sums) const { sums->Reset(rows_, channels_); }
  void End(int64_t index, ChannelSums<C>* sums) {
    double* block = sums_.data() + index * count_;
    const std::vector<double>& totals = sums->Totals();
    for (int64_t i = 0; i < static_cast<int64_t>(totals.size()); ++i) {
      block[per_channel_ ? i : i / channels_] += totals[i];
    }
  }
  // Adds up the blocks' sums in `rows` rows, starting with `first_row`.
  void Total(int64_t first_row, int64_t rows, C* gradient) const {
    const int64_t row = count_ / rows_;
    for (int64_t i = first_row * row; i < (first_row + rows) * row; ++i) {
      double sum = 0;
      for (size_t b = 0; b < sums_.size(); b += count_) sum += sums_[b + i];
      *gradient++ = static_cast<C>(sum);
    }
  }

 private:
  int64_t count_, most_blocks_, rows_, channels_;
  bool per_channel_;
  std::vector<double> sums_;  // [blocks, count_]
};

// The base of mathematics that adds to these sums, with window.AddChannel(v, sums.Row(r)).
template <class C>
struct SummingMath : PoolMath {
  static constexpr bool kUsesChannels = true;
  static constexpr int64_t kMostWindows = ChannelSums<C>::kRun;

  ChannelSums<C> sums;  // of this block
  std::shared_ptr<ParameterSums<C>> parameters;

  SummingMath(int64_t rows, int64_t channels, bool per_channel)
      : parameters(std::make_shared<ParameterSums<C>>(rows, channels, per_channel)) {}

  int64_t MostBlocks(int64_t) const { return parameters->MostBlocks(); }
  void BeginBlock() { parameters->Begin(&sums); }
  void EndBlock(int64_t index) { parameters->End(index, &sums); }
  void EndWindows(int64_t count, Range channels) { sums.EndWindows(count, channels); }
};

// Mathematics that sums the gradients of parameters of each channel, on a CPU. The rows of the sums
// are those of the op's parameters, in order.
template <template <class, class> class Math, class C>
struct SummingOnHost : Math<C, SummingMath<C>> {
  explicit SummingOnHost(const Call& call)
      : Math<C, SummingMath<C>>(call,
                                SummingMath<C>(ForEachParameterGradient(call, [](auto&&...) {}),
                                               call.geometry.Channels(), /*per_channel=*/true)) {}

  void Finish(const Call& call) const {
    ForEachParameterGradient(call, [&](const Tensor& gradient, int64_t row, int64_t rows) {
      this->parameters->Total(row, rows, static_cast<C*>(gradient.data));
    });
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
