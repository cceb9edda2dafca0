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

enum class Padding { kValid, kSame };
enum class DataFormat { kChannelsLast, kChannelsFirst };

// Convert the values of TensorFlow's attributes.
inline Padding PaddingNamed(std::string_view name) {
  return name == "SAME" ? Padding::kSame : Padding::kValid;
}
inline DataFormat DataFormatNamed(std::string_view name) {
  return name == "NCHW" ? DataFormat::kChannelsFirst : DataFormat::kChannelsLast;
}

// One spatial dimension. Window `o` covers the input positions [Begin(o), End(o)). Padded positions
// take no part, so a window at the border is a smaller window.
struct PoolAxis {
  int64_t in = 1;
  int64_t out = 1;
  int64_t window = 1;
  int64_t stride = 1;
  int64_t pad = 0;

  SOFTPOOL_HOST_DEVICE int64_t Start(int64_t o) const { return o * stride - pad; }
  SOFTPOOL_HOST_DEVICE int64_t Begin(int64_t o) const { return Start(o) > 0 ? Start(o) : 0; }
  SOFTPOOL_HOST_DEVICE int64_t End(int64_t o) const {
    return Start(o) + window < in ? Start(o) + window : in;
  }
  SOFTPOOL_HOST_DEVICE bool IsCut(int64_t o) const { return End(o) - Begin(o) < window; }
  bool Overlaps() const { return out > 1 && window > stride; }
  // HasGaps() returns whether some position lies in no window, and Covers() whether position `i`
  // lies in a window. Both assume that no two windows overlap.
  bool HasGaps() const { return (out > 1 && window < stride) || End(out - 1) < in; }
  bool Covers(int64_t i) const { return i < End(std::min((i + pad) / stride, out - 1)); }
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
  bool Empty() const { return outer * inner * OutputPositions() == 0; }
};

// The functions below return an error message for the user, or an empty string.

// Checks that `ksize` and `strides` describe a pooling of one to three dimensions.
std::string CheckAttributes(const std::vector<int64_t>& ksize, const std::vector<int64_t>& strides);

// Computes the output size of one dimension by TensorFlow's rule.
std::string OutputSize(int64_t in, int64_t window, int64_t stride, Padding padding, int64_t* out);

// Lays the windows out over a tensor of shape `dims`, which includes batch and channels.
SOFTPOOL_EXPORT std::string MakeGeometry(const std::vector<int64_t>& dims,
                                         const std::vector<int64_t>& ksize,
                                         const std::vector<int64_t>& strides, Padding padding,
                                         DataFormat data_format, PoolGeometry* geometry);

}  // namespace softpool

#endif  // SOFTPOOL_ENGINE_GEOMETRY_H_
