#include "softpool/engine/geometry.h"

#include <limits>
#include <numeric>

#include "softpool/engine/product.h"

namespace softpool {
namespace {

// The largest window size or stride. No dimension can need a larger one, and sums of a few of them
// and of a dimension fit 64 bits.
constexpr int64_t kLargestAttribute = std::numeric_limits<int32_t>::max();

std::string Show(const std::vector<int64_t>& values) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i) {
    text += (i ? ", " : "") + std::to_string(values[i]);
  }
  return text + "]";
}

std::string CheckRange(const char* name, const std::vector<int64_t>& values) {
  for (int64_t value : values) {
    if (value < 1 || value > kLargestAttribute) {
      return std::string(name) + " must be between 1 and " + std::to_string(kLargestAttribute) +
             " in every dimension, got " + Show(values);
    }
  }
  return "";
}

}  // namespace

int64_t PoolAxis::Reach(int64_t windows) const {
  // Parts of an axis begin `stride` or `stride` + 1 positions apart. Windows that were placed are
  // `stride` positions apart on average.
  return std::min((windows - 1) * (stride + (adaptive ? 1 : 0)) + window, in);
}

void PoolAxis::Divide(int64_t parts) {
  out = parts;
  pad = 0;
  window = in / parts;
  stride = std::max<int64_t>(window, 1);
  const int64_t rest = in % parts;
  // Equal parts are ordinary windows, which are pooled faster.
  adaptive = rest != 0;
  // Positions that two parts share belong to both.
  if (adaptive) window += rest > std::gcd(rest, parts) ? 2 : 1;
}

void PoolAxis::Surround(int64_t size) {
  if (adaptive) {
    centred = true;
  } else {
    pad -= window / 2 - size / 2;
  }
  window = size;
}

int64_t PoolGeometry::LargestWindow() const {
  int64_t taps = 1;
  for (const PoolAxis& a : axis) taps *= std::min(a.window, a.in);
  return taps;
}

bool PoolGeometry::Overlaps() const {
  return axis[0].Overlaps() || axis[1].Overlaps() || axis[2].Overlaps();
}

bool PoolGeometry::HasGaps() const {
  return axis[0].HasGaps() || axis[1].HasGaps() || axis[2].HasGaps();
}

std::string CheckAttributes(const std::vector<int64_t>& ksize,
                            const std::vector<int64_t>& strides) {
  if (ksize.empty() || ksize.size() > kAxes) {
    return "ksize must name one, two or three spatial dimensions, got " + Show(ksize);
  }
  if (strides.size() != ksize.size()) {
    return "strides must have as many values as ksize, which is " + Show(ksize) + ", got " +
           Show(strides);
  }
  const std::string error = CheckRange("ksize", ksize);
  return error.empty() ? CheckRange("strides", strides) : error;
}

std::string OutputSize(int64_t in, int64_t window, int64_t stride, Padding padding, int64_t* out) {
  if (padding == Padding::kSame) {
    *out = in / stride + (in % stride != 0);
    return "";
  }
  if (padding == Padding::kAdaptive) {
    *out = window;
    return in > 0 ? "" : "padding 'ADAPTIVE' does not allow a spatial dimension of 0";
  }
  if (window > in) {
    return "ksize " + std::to_string(window) + " is larger than the input's spatial dimension " +
           std::to_string(in) + ", which padding 'VALID' does not allow";
  }
  *out = (in - window) / stride + 1;
  return "";
}

std::string MakeGeometry(const std::vector<int64_t>& dims, const std::vector<int64_t>& ksize,
                         const std::vector<int64_t>& strides, Padding padding,
                         DataFormat data_format, PoolGeometry* geometry) {
  std::string error = CheckAttributes(ksize, strides);
  if (!error.empty()) return error;
  const size_t spatial = ksize.size();
  if (dims.size() != spatial + 2) {
    return "input must have rank " + std::to_string(spatial + 2) + ", for ksize " + Show(ksize) +
           ", got shape " + Show(dims);
  }
  const bool channels_last = data_format == DataFormat::kChannelsLast;
  const int64_t channels = channels_last ? dims.back() : dims[1];
  *geometry = PoolGeometry();
  geometry->outer = channels_last ? dims[0] : ProductOrMost(dims[0], channels);
  geometry->outer_channels = channels_last ? 1 : channels;
  geometry->inner = channels_last ? channels : 1;
  for (size_t i = 0; i < spatial; ++i) {
    PoolAxis& axis = geometry->axis[kAxes - spatial + i];
    axis.in = dims[i + (channels_last ? 1 : 2)];
    axis.window = ksize[i];
    axis.stride = strides[i];
    error = OutputSize(axis.in, axis.window, axis.stride, padding, &axis.out);
    if (!error.empty()) return error;
    if (padding == Padding::kAdaptive) axis.Divide(ksize[i]);
    if (padding == Padding::kSame && axis.out > 0) {
      // The positions of the last stride.
      const int64_t last = axis.in - (axis.out - 1) * axis.stride;
      axis.pad = std::max<int64_t>(axis.window - last, 0) / 2;
    }
  }
  return "";
}

}  // namespace softpool
