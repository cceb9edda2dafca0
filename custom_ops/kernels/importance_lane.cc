#include "kernels/importance_lane.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace softpool {

template <class Real>
void ImportanceLane<Real>::Run() {
  constexpr Real kInfinity = std::numeric_limits<Real>::infinity();
  const auto is_nan = [](Real v) { return std::isnan(v); };
  weights.assign(x.size(), 0);
  if (std::any_of(x.begin(), x.end(), is_nan) ||
      std::any_of(logits.begin(), logits.end(), is_nan)) {
    y = std::numeric_limits<Real>::quiet_NaN();
    return;
  }
  Real largest = -kInfinity, total = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] != -kInfinity) largest = std::max(largest, logits[i]);
  }
  bool infinite = false;
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] == -kInfinity) continue;
    // Equal infinities share the weight.
    const Real distance = logits[i] == largest ? 0 : logits[i] - largest;
    weights[i] = std::exp(distance);
    total += weights[i];
    // However little it weighs.
    infinite = infinite || (x[i] == kInfinity && distance != -kInfinity);
  }
  for (Real& w : weights) w = total > 0 ? w / total : 0;
  y = total == 0 ? -kInfinity : infinite ? kInfinity : 0;
  for (size_t i = 0; i < x.size() && std::isfinite(y); ++i) {
    if (weights[i] > 0) y += weights[i] * x[i];
  }
}

template <class Real>
Real ImportanceLane<Real>::ToValue(size_t i, Real g) const {
  return std::isnan(y) ? y : g * weights[i];
}

template <class Real>
Real ImportanceLane<Real>::ToLogit(size_t i, Real g) const {
  if (std::isnan(y)) return y;
  if (std::isinf(y) || weights[i] == 0) return 0;
  return g * weights[i] * (x[i] - y);
}

template struct ImportanceLane<double>;
template struct ImportanceLane<long double>;

}  // namespace softpool
