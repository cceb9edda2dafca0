// The reference path of detail-preserving pooling. It computes one window of one channel, slowly
// and in a wider type than the quick path's. It is for windows with infinite or NaN numbers, with
// weights that leave the range of the quick path's type, or with very many values.
#ifndef SOFTPOOL_POOLINGS_DETAIL_PRESERVING_DETAIL_REFERENCE_H_
#define SOFTPOOL_POOLINGS_DETAIL_PRESERVING_DETAIL_REFERENCE_H_

#include <cmath>
#include <limits>
#include <vector>

#include "softpool/simd/compiler.h"

namespace softpool {

inline constexpr double kDetailEpsilon = 1e-3;

template <class Real>
struct DetailReference {
  // The inputs, besides the values.
  bool guided;
  Real guide;  // an input only if guided
  Real alpha, lambda;
  bool symmetric;

  // The results: the average y and, if gradients are wanted, its derivatives with respect to guide,
  // alpha and lambda.
  Real y;
  Real to_guide, to_alpha, to_lambda;

  // Computes the results. Each call of for_each(f) must call f(x) for every tap.
  template <class ForEach>
  SOFTPOOL_HOST_DEVICE void Run(const ForEach& for_each, bool with_gradients) {
    if (!guided) guide = 0;
    bool nan = guide != guide || alpha != alpha || lambda != lambda;
    largest_ = -kInfinity;
    for_each([&](Real x) {
      nan = nan || x != x;
      if (x > largest_) largest_ = x;
    });
    weighs_ = false;
    if (nan) return SetAll(kNaN, kNaN);
    if (largest_ == -kInfinity) return SetAll(-kInfinity, 0);
    count_ = 0;
    for_each([&](Real x) { count_ += Keeps(x); });
    Real average = 0;
    for_each([&](Real x) { average += Keeps(x) ? x / count_ : 0; });
    if (!guided) guide = average;
    SetAll(average, 0);
    // If a value is +inf, or the guide or alpha is infinite, all weights are equal.
    if (largest_ == kInfinity || std::fabs(guide) == kInfinity || std::fabs(alpha) == kInfinity) {
      return;
    }
    weighs_ = true;
    Weigh(for_each);
    if (with_gradients) Derive(for_each);
  }

  // Returns the derivative of y with respect to the value x.
  SOFTPOOL_HOST_DEVICE Real ToX(Real x) const {
    if (y != y) return y;
    if (y == -kInfinity || !Keeps(x)) return 0;
    if (!weighs_) return 1 / count_;
    const Weighed tap(*this, x);
    return tap.weight / total_ + ToDetail(tap) - (guided ? 0 : to_details_ / count_);
  }

 private:
  static constexpr Real kInfinity = std::numeric_limits<Real>::infinity();
  static constexpr Real kNaN = std::numeric_limits<Real>::quiet_NaN();
  static constexpr Real kEpsilon = static_cast<Real>(kDetailEpsilon);

  // Returns a * b, or zero if one factor is zero, even if the other has overflowed.
  SOFTPOOL_HOST_DEVICE static Real Times(Real a, Real b) { return a == 0 || b == 0 ? 0 : a * b; }

  SOFTPOOL_HOST_DEVICE bool Keeps(Real x) const {
    return largest_ == kInfinity ? x == kInfinity : x != -kInfinity;
  }
  SOFTPOOL_HOST_DEVICE void SetAll(Real value, Real to_each) {
    y = value;
    to_guide = to_alpha = to_lambda = to_each;
  }
  SOFTPOOL_HOST_DEVICE Real Detail(Real x) const { return symmetric || x > guide ? x - guide : 0; }
  // Returns the logarithm of sqrt(detail^2 + epsilon^2). rho is that root to the power lambda.
  SOFTPOOL_HOST_DEVICE static Real LogBase(Real detail) {
    return std::log(std::hypot(detail, kEpsilon));
  }

  // A value with its weight. rho and the weight are divided by e^scale, the largest of |alpha| and
  // all rho.
  struct Weighed {
    Real from_mean, detail, log_base, rho, weight;

    SOFTPOOL_HOST_DEVICE Weighed(const DetailReference& all, Real x)
        : from_mean(x - all.y),
          detail(all.Detail(x)),
          log_base(LogBase(detail)),
          rho(std::exp(all.power_ * log_base - all.scale_)),
          weight(all.least_ + rho) {}
  };

  template <class ForEach>
  SOFTPOOL_HOST_DEVICE void Weigh(const ForEach& for_each) {
    // A larger lambda times a finite logarithm could overflow.
    constexpr Real kLargest = std::numeric_limits<Real>::max() / 100'000;
    power_ = lambda > kLargest ? kLargest : lambda < -kLargest ? -kLargest : lambda;
    const Real log_alpha = std::log(std::fabs(alpha));
    scale_ = log_alpha;
    for_each([&](Real x) {
      const Real log_rho = power_ * LogBase(Detail(x));
      if (Keeps(x) && log_rho > scale_) scale_ = log_rho;
    });
    least_ = std::copysign(std::exp(log_alpha - scale_), alpha);
    total_ = 0;
    for_each([&](Real x) { total_ += Keeps(x) ? Weighed(*this, x).weight : 0; });
    Real sum = 0;
    for_each([&](Real x) { sum += Keeps(x) ? Weighed(*this, x).weight / total_ * x : 0; });
    y = sum;
  }

  template <class ForEach>
  SOFTPOOL_HOST_DEVICE void Derive(const ForEach& for_each) {
    Real away = 0;
    to_details_ = 0;
    for_each([&](Real x) {
      if (!Keeps(x)) return;
      const Weighed tap(*this, x);
      to_details_ += ToDetail(tap);
      away += tap.from_mean;
      to_lambda += Times(tap.from_mean, Times(tap.rho / total_, tap.log_base));
    });
    to_alpha = Times(away / total_, std::exp(-scale_));
    to_guide = guided ? -to_details_ : 0;
  }

  SOFTPOOL_HOST_DEVICE Real ToDetail(const Weighed& tap) const {
    const Real base = std::hypot(tap.detail, kEpsilon);
    const Real slope = Times(power_ * tap.rho / total_, tap.detail / base / base);
    return Times(slope, tap.from_mean);
  }

  Real largest_, count_, power_, scale_, least_, total_, to_details_;
  bool weighs_;
};

// Calls reference->Run() for a window whose values are in memory.
template <class Real>
void RunReference(const std::vector<Real>& x, bool with_gradients,
                  DetailReference<Real>* reference);

}  // namespace softpool

#endif  // SOFTPOOL_POOLINGS_DETAIL_PRESERVING_DETAIL_REFERENCE_H_
