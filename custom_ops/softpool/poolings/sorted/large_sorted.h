// Sorted-weight pooling of windows that are too large for one thread. A block of threads sorts one
// window of one channel in the device's memory, with the same network as the CPU's kernels.
#ifndef SOFTPOOL_POOLINGS_SORTED_LARGE_SORTED_H_
#define SOFTPOOL_POOLINGS_SORTED_LARGE_SORTED_H_

#include "softpool/poolings/sorted/large_window.h"
#include "softpool/cuda/sums.h"
#include "softpool/cuda/tiles.h"

namespace softpool {
namespace HWY_NAMESPACE {

// Rounds the sums of gradients to the type of their tensor.
template <class T>
struct RoundProgram {
  const ComputeType<T>* from;
  T* to;
  int64_t count;

  SOFTPOOL_HOST_DEVICE int64_t Phases(const Thread&) const { return 1; }
  SOFTPOOL_HOST_DEVICE void Run(int64_t, const Thread& t) const {
    const int64_t step = t.slices * t.count;
    for (int64_t i = t.slice * t.count + t.index; i < count; i += step) StoreOne(from[i], to + i);
  }
};

template <class T>
class LargeSorted {
 public:
  using C = ComputeType<T>;

  LargeSorted(const Call& call, const CudaStream& cuda)
      : g_(call.geometry),
        cuda_(cuda),
        logits_(call),
        x_(static_cast<const T*>(call.inputs[0].data)) {}

  std::string Pool(T* y) {
    LargeWindows<T> windows = Windows();
    windows.y = y;
    return Run(&windows, /*sums=*/false);
  }

  std::string SendBack(const T* gradient, T* x_gradient, C* logits_gradient) {
    LargeWindows<T> windows = Windows();
    windows.gradient = gradient;
    windows.x_gradient = x_gradient;
    const int64_t inputs = g_.outer * g_.InputPositions() * g_.inner;
    const bool shared = g_.Overlaps();
    if (shared) windows.x_sums = Allocate<C>(inputs);
    std::string error = shared ? Clear(windows.x_sums, sizeof(C) * inputs, cuda_)
                               : Clear(x_gradient, sizeof(T) * inputs, cuda_);
    if (error.empty()) error = Run(&windows, /*sums=*/true);
    if (error.empty() && shared) {
      const RoundProgram<T> program{windows.x_sums, x_gradient, inputs};
      error = Launch(program, {1, SlicesFor(inputs, kThreads, 1, kMostSlices), kThreads, 0}, cuda_);
    }
    if (!error.empty()) return error;
    return StoreRankTotals(windows.sums, slices_, logits_.per_channel, logits_gradient, cuda_);
  }

 private:
  // A limit on the memory that windows are sorted in and on the memory for sums. A single window of
  // one channel, or the sums of a single slice, may exceed the limit.
  static constexpr int64_t kMostBytes = int64_t{1} << 28;

  template <class V>
  V* Allocate(int64_t count) const {
    return static_cast<V*>(cuda_.allocate(sizeof(V) * count));
  }

  LargeWindows<T> Windows() const {
    LargeWindows<T> windows(g_, logits_);
    windows.x = x_;
    return windows;
  }

  std::string Run(LargeWindows<T>* windows, bool sums) {
    const int64_t columns = logits_.per_channel ? g_.Channels() : 1;
    const int64_t prefixes = logits_.ranks * columns;
    windows->prefixes = {Allocate<double>(prefixes), Allocate<double>(prefixes),
                         Allocate<int64_t>(prefixes), columns};
    const SoftmaxPrefixesProgram<C> program{logits_, windows->prefixes};
    std::string error;
    if (logits_.softmax) {
      error = Launch(program, {(columns + kThreads - 1) / kThreads, 1, kThreads, 0}, cuda_);
    }
    if (error.empty()) error = PrepareBlocks(windows, sums);
    // If gradients are added up, windows of the same colour share no input. Colours are launched
    // one after the other.
    int64_t apart[kAxes] = {1, 1, 1};
    for (int i = 0; i < kAxes && windows->x_sums != nullptr; ++i)
      apart[i] = g_.axis[i].MostCovering();
    for (int64_t i = 0; i < apart[0] * apart[1] * apart[2] && error.empty(); ++i) {
      const int64_t colour[kAxes] = {i / apart[2] / apart[1], i / apart[2] % apart[1],
                                     i % apart[2]};
      error = RunColour(windows, colour, apart);
    }
    return error;
  }

  std::string PrepareBlocks(LargeWindows<T>* windows, bool sums) {
    const int64_t channels = g_.Channels();
    const int64_t bytes = windows->taps * static_cast<int64_t>(sizeof(Ranked<C>));
    channels_at_once_ = std::clamp<int64_t>(kMostBytes / bytes, 1, channels);
    const int64_t fit = std::max<int64_t>(kMostBytes / bytes / channels_at_once_, 1);
    const int64_t items = g_.outer / g_.outer_channels * g_.OutputPositions();
    slices_ = SlicesFor(items, 1, channels, std::min<int64_t>(1024, fit * channels));
    const int64_t row = static_cast<int64_t>(sizeof(double)) * logits_.ranks * channels;
    if (sums) slices_ = std::clamp<int64_t>(kMostBytes / row, 1, slices_);
    windows->ranked = Allocate<Ranked<C>>(channels_at_once_ * slices_ * windows->taps);
    windows->sums = {logits_.ranks, channels, nullptr};
    if (!sums) return "";
    windows->sums.partial = Allocate<double>(slices_ * logits_.ranks * channels);
    return Clear(windows->sums.partial, slices_ * row, cuda_);
  }

  std::string RunColour(LargeWindows<T>* windows, const int64_t* colour, const int64_t* apart) {
    int64_t count[kAxes];
    for (int i = 0; i < kAxes; ++i) {
      windows->first[i] = colour[i];
      windows->apart[i] = apart[i];
      count[i] = (g_.axis[i].out - colour[i] + apart[i] - 1) / apart[i];
    }
    windows->positions = PositionMap(g_.outer / g_.outer_channels, count[0], count[1], count[2]);
    std::string error;
    for (int64_t c = 0; c < g_.Channels() && error.empty(); c += channels_at_once_) {
      windows->first_channel = c;
      const int64_t channels = std::min(channels_at_once_, g_.Channels() - c);
      error = Launch(*windows, {channels, slices_, kThreads, LargeWindows<T>::kSharedBytes}, cuda_);
    }
    return error;
  }

  const PoolGeometry& g_;
  const CudaStream& cuda_;
  RankLogits<C> logits_;
  const T* x_;
  int64_t channels_at_once_ = 1, slices_ = 1;
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool

#endif  // SOFTPOOL_POOLINGS_SORTED_LARGE_SORTED_H_
