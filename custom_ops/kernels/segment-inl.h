// Runs a pooling's mathematics over windows that follow each other along the last axis and have the
// same taps, vector by vector.
#if defined(TF_SOFTPOOL_KERNELS_SEGMENT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_SEGMENT_INL_H_
#undef TF_SOFTPOOL_KERNELS_SEGMENT_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_SEGMENT_INL_H_
#endif

#include <hwy/highway.h>

#include "kernels/window-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// A count of things, and how far apart they lie in the inputs, the outputs and the gradients.
struct Stride {
  int64_t count = 1;
  int64_t in = 0, out = 0, target = 0;
};

// Which channel a lane belongs to: with channels first, images are channels.
struct Channel {
  int64_t first = 0;
  int64_t image = 0;
  int64_t per_image = 1;

  int64_t Of(int64_t n, int64_t c) const { return first + (image + n) % per_image + c; }
};

struct Segment {
  TapBox box;
  int64_t in = 0, out = 0, target = 0;  // where the first window's first tap and its value lie
  Stride images;                        // more than one only where lanes are scattered
  Stride windows;
  int64_t channels = 1;
  Channel channel;
  bool home = true;  // whether the windows are counted here, rather than in another tile
};

template <class Math, class T, Sink kSink, int kTaps, class Lanes>
HWY_INLINE void RunLanes(Math& math, const Tensors<T, Math>& tensors,
                         typename Window<Math, T, Lanes, kSink, kTaps>::Target* const* targets,
                         const Segment& s, const Tap* taps, const Lanes& lanes) {
  const Window<Math, T, Lanes, kSink, kTaps> window{tensors, targets, s.box, taps, lanes, s.home};
  math.Run(window);
}

// Channels fill vectors. The last vector of a window ends with its last channel, and so may repeat
// some of the one before.
template <class Math, class T, Sink kSink, int kTaps, class Target>
HWY_INLINE void RunConsecutive(Math& math, const Tensors<T, Math>& tensors, Target* const* targets,
                               const Segment& s, const Tap* taps) {
  const hn::ScalableTag<ComputeType<T>> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t channel = s.channel.Of(0, 0);
  for (int64_t i = 0; i < s.windows.count; ++i) {
    for (int64_t c = 0; c < s.channels; c += lanes) {
      const int64_t first = HWY_MIN(c, s.channels - lanes);
      const ConsecutiveLanes<decltype(d)> at{
          s.in + i * s.windows.in + first, s.out + i * s.windows.out + first,
          s.target + i * s.windows.target + first, channel + first, static_cast<size_t>(c - first)};
      RunLanes<Math, T, kSink, kTaps>(math, tensors, targets, s, taps, at);
    }
  }
}

// Windows, images and channels fill vectors together. Where gradients are added up, a vector holds
// no two windows that could share an input.
template <class Math, class T, Sink kSink, int kTaps, class Target>
HWY_INLINE void RunScattered(Math& math, const Tensors<T, Math>& tensors, Target* const* targets,
                             const Segment& s, const Tap* taps) {
  const hn::ScalableTag<ComputeType<T>> d;
  ScatteredLanes<decltype(d)> at;
  const auto flush = [&]() HWY_ATTR {
    if (at.count == 0) return;
    at.RepeatFirst(d);
    RunLanes<Math, T, kSink, kTaps>(math, tensors, targets, s, taps, at);
    at.count = 0;
  };
  for (int64_t i = 0; i < s.windows.count; ++i) {
    for (int64_t n = 0; n < s.images.count; ++n) {
      for (int64_t c = 0; c < s.channels; ++c) {
        at.in[at.count] = s.in + i * s.windows.in + n * s.images.in + c;
        at.out[at.count] = s.out + i * s.windows.out + n * s.images.out + c;
        at.target[at.count] = s.target + i * s.windows.target + n * s.images.target + c;
        if constexpr (Math::kUsesChannels) at.channel[at.count] = s.channel.Of(n, c);
        if (++at.count == hn::Lanes(d)) flush();
      }
    }
    if (kSink == Sink::kAdd) flush();
  }
  flush();
}

// Where lanes are scattered, gathering them costs more than unrolling larger windows saves.
inline constexpr int kUnrolledScattered = 4;

template <class Math, class T, Sink kSink, int kTaps, class Target>
HWY_NOINLINE void RunTaps(Math& math, const Tensors<T, Math>& tensors, Target* const* targets,
                          const Segment& s, bool scattered) {
  Tap taps[kTaps > 0 ? kTaps : 1];
  if (kTaps > 0) s.box.ForEach([&](int64_t i, const Tap& tap) { taps[i] = tap; });
  if (!scattered) {
    RunConsecutive<Math, T, kSink, kTaps>(math, tensors, targets, s, taps);
  } else if constexpr (kTaps <= kUnrolledScattered) {
    RunScattered<Math, T, kSink, kTaps>(math, tensors, targets, s, taps);
  }
}

// Windows of the sizes that people use are unrolled.
template <Sink kSink, class Math, class T, class Target>
HWY_INLINE void RunSegment(Math& math, const Tensors<T, Math>& tensors, Target* const* targets,
                           const Segment& s) {
  const hn::ScalableTag<ComputeType<T>> d;
  const bool scattered = s.channels < static_cast<int64_t>(hn::Lanes(d)) || s.images.count > 1;
  const int64_t taps = s.box.Total();
  const bool unrolled = !scattered || taps <= kUnrolledScattered;
  switch (unrolled ? taps : 0) {
    case 2:
      return RunTaps<Math, T, kSink, 2>(math, tensors, targets, s, scattered);
    case 3:
      return RunTaps<Math, T, kSink, 3>(math, tensors, targets, s, scattered);
    case 4:
      return RunTaps<Math, T, kSink, 4>(math, tensors, targets, s, scattered);
    case 8:
      return RunTaps<Math, T, kSink, 8>(math, tensors, targets, s, scattered);
    case 9:
      return RunTaps<Math, T, kSink, 9>(math, tensors, targets, s, scattered);
    default:
      return RunTaps<Math, T, kSink, 0>(math, tensors, targets, s, scattered);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
