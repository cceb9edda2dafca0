#include "kernels/detail_lane.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/detail_preserving_pool.h"

namespace softpool {
namespace {

// A product that is zero where one factor is, even if the other has overflown.
template <class Real>
Real Times(Real a, Real b) {
  return a == 0 || b == 0 ? 0 : a * b;
}

}  // namespace

template <class Real>
void DetailLane<Real>::Run(bool with_gradients) {
  constexpr Real kInfinity = std::numeric_limits<Real>::infinity();
  if (!guided) guide = 0;
  bool nan = std::isnan(guide) || std::isnan(alpha) || std::isnan(lambda);
  Real largest = -kInfinity;
  for (Real v : x) {
    nan = nan || std::isnan(v);
    largest = std::max(largest, v);
  }
  if (nan)
    return SetAll(std::numeric_limits<Real>::quiet_NaN(), std::numeric_limits<Real>::quiet_NaN());
  if (largest == -kInfinity) return SetAll(-kInfinity, 0);

  std::vector<bool> kept(x.size());
  Real count = 0, sum = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    kept[i] = largest == kInfinity ? x[i] == kInfinity : x[i] != -kInfinity;
    count += kept[i];
  }
  for (size_t i = 0; i < x.size(); ++i) sum += kept[i] ? x[i] / count : 0;
  if (!guided) guide = sum;
  SetAll(0, 0);
  // Far from all values, or beside an alpha without end, weights are equal.
  if (largest == kInfinity || std::isinf(guide) || std::isinf(alpha)) return ShareEqually(kept);
  Weigh(kept, count, with_gradients);
}

template <class Real>
void DetailLane<Real>::SetAll(Real value, Real to_each) {
  y = value;
  to_x.assign(x.size(), to_each);
  to_guide = to_alpha = to_lambda = to_each;
}

template <class Real>
void DetailLane<Real>::ShareEqually(const std::vector<bool>& among) {
  const Real count = static_cast<Real>(std::count(among.begin(), among.end(), true));
  for (size_t i = 0; i < x.size(); ++i) {
    if (!among[i]) continue;
    to_x[i] = 1 / count;
    y += x[i] / count;
  }
}

// Weights are computed over the largest of them, e^scale.
template <class Real>
void DetailLane<Real>::Weigh(const std::vector<bool>& kept, Real count, bool with_gradients) {
  // With more, a finite logarithm times lambda would overflow.
  constexpr Real kLargest = std::numeric_limits<Real>::max() / 100'000;
  const Real power = std::clamp(lambda, -kLargest, kLargest);
  const Real epsilon = static_cast<Real>(kDetailEpsilon);
  const size_t n = x.size();
  std::vector<Real> log_base(n), rho(n), weights(n), detail(n);
  const Real log_alpha = std::log(std::abs(alpha));
  Real scale = log_alpha;
  for (size_t i = 0; i < n; ++i) {
    if (!kept[i]) continue;
    detail[i] = symmetric ? x[i] - guide : std::max(x[i] - guide, Real{0});
    log_base[i] = std::log(std::hypot(detail[i], epsilon));
    scale = std::max(scale, power * log_base[i]);
  }
  const Real least = std::copysign(std::exp(log_alpha - scale), alpha);
  Real total = 0;
  for (size_t i = 0; i < n; ++i) {
    if (!kept[i]) continue;
    rho[i] = std::exp(power * log_base[i] - scale);
    weights[i] = least + rho[i];
    total += weights[i];
  }
  for (size_t i = 0; i < n; ++i) y += kept[i] ? weights[i] / total * x[i] : 0;
  if (!with_gradients) return;

  Real to_details = 0, away = 0;
  for (size_t i = 0; i < n; ++i) {
    if (!kept[i]) continue;
    const Real from_mean = x[i] - y;
    const Real base = std::hypot(detail[i], epsilon);
    const Real slope = Times(power * rho[i] / total, detail[i] / base / base);
    const Real to_detail = Times(slope, from_mean);
    to_x[i] = weights[i] / total + to_detail;
    to_details += to_detail;
    away += from_mean;
    to_lambda += Times(from_mean, Times(rho[i] / total, log_base[i]));
  }
  to_alpha = Times(away / total, std::exp(-scale));
  to_guide = guided ? -to_details : 0;
  for (size_t i = 0; i < n && !guided; ++i) to_x[i] -= kept[i] ? to_details / count : 0;
}

template struct DetailLane<double>;
template struct DetailLane<long double>;

}  // namespace softpool
