// The reference path of importance pooling. It computes one window of one channel, slowly and in a
// wider type than the quick path's. It is for windows with values that are infinite, NaN or very
// large, and for windows of very many values.
#ifndef SOFTPOOL_POOLINGS_IMPORTANCE_IMPORTANCE_REFERENCE_H_
#define SOFTPOOL_POOLINGS_IMPORTANCE_IMPORTANCE_REFERENCE_H_

#include <cmath>
#include <limits>
#include <vector>

#include "softpool/simd/compiler.h"

namespace softpool {

template <class Real>
struct ImportanceReference {
  // The result: the average.
  Real y;

  // Computes the average. Each call of for_each(f) must call f(x, logit) for every tap.
  template <class ForEach>
  SOFTPOOL_HOST_DEVICE void Run(const ForEach& for_each) {
    bool nan = false;
    largest_ = -kInfinity;
    for_each([&](Real x, Real logit) {
      nan = nan || x != x || logit != logit;
      if (x != -kInfinity && logit > largest_) largest_ = logit;
    });
    total_ = 0;
    y = std::numeric_limits<Real>::quiet_NaN();
    if (nan) return;
    bool infinite = false;
    for_each([&](Real x, Real logit) {
      total_ += Exponential(x, logit);
      // A value of +inf counts however small its weight is.
      const bool weighs = logit == largest_ || logit - largest_ != -kInfinity;
      infinite = infinite || (x == kInfinity && weighs);
    });
    y = total_ == 0 ? -kInfinity : infinite ? kInfinity : 0;
    if (total_ == 0 || infinite) return;
    for_each([&](Real x, Real logit) {
      const Real weight = Weight(x, logit);
      if (weight > 0) y += weight * x;
    });
  }

  // Return the gradients of a value and of its logit, given the gradient g of y.
  SOFTPOOL_HOST_DEVICE Real ToValue(Real x, Real logit, Real g) const {
    return y != y ? y : g * Weight(x, logit);
  }
  SOFTPOOL_HOST_DEVICE Real ToLogit(Real x, Real logit, Real g) const {
    if (y != y) return y;
    const Real weight = Weight(x, logit);
    if (y == kInfinity || y == -kInfinity || weight == 0) return 0;
    return g * weight * (x - y);
  }

 private:
  static constexpr Real kInfinity = std::numeric_limits<Real>::infinity();

  SOFTPOOL_HOST_DEVICE Real Exponential(Real x, Real logit) const {
    if (x == -kInfinity) return 0;
    // Infinite logits that are equal share the weight.
    return logit == largest_ ? 1 : std::exp(logit - largest_);
  }
  SOFTPOOL_HOST_DEVICE Real Weight(Real x, Real logit) const {
    return total_ > 0 ? Exponential(x, logit) / total_ : 0;
  }

  Real largest_, total_;
};

// Calls reference->Run() for a window whose values and logits are in memory.
template <class Real>
void RunReference(const std::vector<Real>& x, const std::vector<Real>& logits,
                  ImportanceReference<Real>* reference);

}  // namespace softpool

#endif  // SOFTPOOL_POOLINGS_IMPORTANCE_IMPORTANCE_REFERENCE_H_
