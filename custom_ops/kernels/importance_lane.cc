#include "kernels/importance_lane.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace softpool {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool IsNaN(double v) { return std::isnan(v); }

}  // namespace

ImportanceLane::ImportanceLane(const std::vector<double>& x, const std::vector<double>& logits)
    : x_(x), weights_(x.size(), 0.0), y_(0.0) {
  if (std::any_of(x.begin(), x.end(), IsNaN) || std::any_of(logits.begin(), logits.end(), IsNaN)) {
    y_ = kNaN;
    return;
  }
  double largest = -kInfinity, total = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] != -kInfinity) largest = std::max(largest, logits[i]);
  }
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] == -kInfinity) continue;
    // Equal infinities share the weight.
    weights_[i] = logits[i] == largest ? 1.0 : std::exp(logits[i] - largest);
    total += weights_[i];
  }
  if (total == 0) {
    y_ = -kInfinity;
    return;
  }
  for (size_t i = 0; i < x.size(); ++i) {
    weights_[i] /= total;
    if (weights_[i] > 0) y_ += weights_[i] * x[i];
  }
}

double ImportanceLane::ToValue(size_t i, double g) const {
  return std::isnan(y_) ? kNaN : g * weights_[i];
}

double ImportanceLane::ToLogit(size_t i, double g) const {
  if (std::isnan(y_)) return kNaN;
  if (std::isinf(y_) || weights_[i] == 0) return 0;
  return g * weights_[i] * (x_[i] - y_);
}

}  // namespace softpool
