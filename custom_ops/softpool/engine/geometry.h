// Where the windows of a pooling lie. The output-size rule, the padding rule and every check of a
// pooling's attributes are written only here, for both the shape functions and the kernels.
#ifndef SOFTPOOL_ENGINE_GEOMETRY_H_
#define SOFTPOOL_ENGINE_GEOMETRY_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "softpool/simd/compiler.h"

namespace softpool {

// A pooling of fewer spatial dimensions is a pooling of three, with leading dimensions of size one.
inline constexpr int kAxes = 3;

// kAdaptive is no padding: the windows divide an axis into as many parts as there are outputs.
enum class Padding { kValid, kSame, kAdaptive };
enum class DataFormat { kChannelsLast, kChannelsFirst };

// Convert the values of TensorFlow's attributes.
inline Padding PaddingNamed(std::string_view name) {
  if (name == "ADAPTIVE") return Padding::kAdaptive;
  return name == "SAME" ? Padding::kSame : Padding::kValid;
}
inline DataFormat DataFormatNamed(std::string_view name) {
  return name == "NCHW" ? DataFormat::kChannelsFirst : DataFormat::kChannelsLast;
}

// One spatial dimension. Window `o` covers the input positions [Begin(o), End(o)). Padded positions
// take no part, so a window at the border is a smaller window. Neither function ever decreases
// from one window to the next.
//
// Windows begin every `stride` positions and have `window` positions each, unless Divide() or
// Place() was called. No sum overflows, whatever the size of the axis.
struct PoolAxis {
  int64_t in = 1;
  int64_t out = 1;
  int64_t window = 1;  // the size of the largest window
  int64_t stride = 1;
  int64_t pad = 0;  // negative if the first window begins after the first position
  // Whether windows are parts of the axis, and whether they are `window` positions around the
  // centres of these parts instead.
  bool adaptive = false, centred = false;
  const int32_t* starts = nullptr;  // where windows begin, if they were placed

  // Returns whether the distance between neighbours differs from window to window.
  SOFTPOOL_HOST_DEVICE bool IsUneven() const { return adaptive || starts != nullptr; }
  SOFTPOOL_HOST_DEVICE int64_t Start(int64_t o) const {
    if (starts != nullptr) return starts[o] - pad;
    if (!adaptive) return o * stride - pad;
    const int64_t begin = Part(o, 0);
    return centred ? begin + (Part(o + 1, out - 1) - begin) / 2 - window / 2 : begin;
  }
  SOFTPOOL_HOST_DEVICE int64_t Begin(int64_t o) const { return Start(o) > 0 ? Start(o) : 0; }
  SOFTPOOL_HOST_DEVICE int64_t End(int64_t o) const {
    if (adaptive && !centred) return Part(o + 1, out - 1);
    return Start(o) < in - window ? Start(o) + window : in;
  }
  SOFTPOOL_HOST_DEVICE bool IsCut(int64_t o) const { return End(o) - Begin(o) < window; }
  bool Overlaps() const { return out > 1 && (IsUneven() || window > stride); }
  // HasGaps() returns whether some position lies in no window, and Covers() whether position `i`
  // lies in a window. Both assume that no two windows overlap.
  bool HasGaps() const { return (out > 1 && window < stride) || Begin(0) > 0 || End(out - 1) < in; }
  bool Covers(int64_t i) const {
    const int64_t o = std::clamp<int64_t>((i + pad) / stride, 0, out - 1);
    return i >= Begin(o) && i < End(o);
  }
  // Return the most windows that cover a position, and about the most positions that `windows`
  // windows in a row cover.
  int64_t MostCovering() const {
    // The centres of small parts may coincide.
    if (centred) return out;
    if (adaptive) return std::min(out / in + 2, out);
    return std::min(starts != nullptr ? window : (window - 1) / stride + 1, out);
  }
  int64_t Reach(int64_t windows) const;

  // Sets windows that divide the axis into `parts` parts, as evenly as whole positions allow:
  // window `o` begins at floor(o in / parts) and ends before ceil((o + 1) in / parts).
  void Divide(int64_t parts);
  // Sets windows at places of all those that lie one position apart. `places` has `out` of these,
  // in rising order, and must live as long as the axis is used.
  void Place(const int32_t* places) { starts = places; }
  // Replaces each window with `size` positions around its centre. The centre of a window of even
  // size is the position after its middle.
  void Surround(int64_t size);

 private:
  // Returns floor((o in + rest) / out), for rest < out. The products cannot overflow.
  SOFTPOOL_HOST_DEVICE int64_t Part(int64_t o, int64_t rest) const {
    return o * (in / out) + (o * (in % out) + rest) / out;
  }
};

// A tensor seen as [outer, axis 0, axis 1, axis 2, inner]. With channels last, `outer` is the batch
// and `inner` the channels. With channels first, `outer` is batch times channels and `inner` is
// one.
struct PoolGeometry {
  int64_t outer = 0;
  int64_t inner = 0;
  int64_t outer_channels = 1;  // the channels in `outer`, with channels first
  std::array<PoolAxis, kAxes> axis;

  SOFTPOOL_HOST_DEVICE int64_t Channels() const { return outer_channels * inner; }
  int64_t InputPositions() const { return axis[0].in * axis[1].in * axis[2].in; }
  int64_t OutputPositions() const { return axis[0].out * axis[1].out * axis[2].out; }
  // Returns the number of elements between neighbours along each axis of the input.
  SOFTPOOL_HOST_DEVICE std::array<int64_t, kAxes> InputSteps() const {
    return {axis[1].in * axis[2].in * inner, axis[2].in * inner, inner};
  }
  int64_t LargestWindow() const;
  bool Overlaps() const;
  bool HasGaps() const;
  // No product: beside a size of zero, the others may be enormous.
  bool Empty() const {
    return outer == 0 || inner == 0 || axis[0].out == 0 || axis[1].out == 0 || axis[2].out == 0;
  }
  bool IsUneven() const { return axis[0].IsUneven() || axis[1].IsUneven() || axis[2].IsUneven(); }
};

// The functions below return an error message for the user, or an empty string.

// Checks that `ksize` and `strides` describe a pooling of one to three dimensions.
SOFTPOOL_EXPORT std::string CheckAttributes(const std::vector<int64_t>& ksize,
                                            const std::vector<int64_t>& strides);

// Computes the output size of one dimension by TensorFlow's rule.
std::string OutputSize(int64_t in, int64_t window, int64_t stride, Padding padding, int64_t* out);

// Lays the windows out over a tensor of shape `dims`, which includes batch and channels.
SOFTPOOL_EXPORT std::string MakeGeometry(const std::vector<int64_t>& dims,
                                         const std::vector<int64_t>& ksize,
                                         const std::vector<int64_t>& strides, Padding padding,
                                         DataFormat data_format, PoolGeometry* geometry);

}  // namespace softpool

#endif  // SOFTPOOL_ENGINE_GEOMETRY_H_
