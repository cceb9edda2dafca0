// The reference path of sorted-weight pooling. It ranks one window of one channel, slowly. Its
// results are also right for infinite values, for NaN and for windows of very many values.
#ifndef SOFTPOOL_POOLINGS_SORTED_SORTED_REFERENCE_H_
#define SOFTPOOL_POOLINGS_SORTED_SORTED_REFERENCE_H_

#include <cstdint>
#include <limits>
#include <vector>

#include "softpool/simd/compiler.h"

namespace softpool {

// A value, and its place in the window in row-major order.
template <class C>
struct Ranked {
  C value;
  int64_t index;
};

template <class C>
SOFTPOOL_HOST_DEVICE bool IsNothing(const Ranked<C>& v) {
  return v.value == -std::numeric_limits<C>::infinity();
}

// Returns whether `a` ranks before `b`.
template <class C>
SOFTPOOL_HOST_DEVICE bool IsBefore(const Ranked<C>& a, const Ranked<C>& b) {
  return a.value > b.value || (a.value == b.value && a.index < b.index);
}

// Sorts the values in decreasing order, equal ones in row-major order, and keeps the first
// `pool_range`. Values of -inf are left out, unless there are no others. Returns false if there is
// a NaN.
template <class C>
bool Rank(int64_t pool_range, std::vector<Ranked<C>>* values);

// Returns sum_r p_r a_(r), or -inf if all values are -inf. A value without weight adds nothing,
// even if it is infinite.
template <class C>
SOFTPOOL_HOST_DEVICE C WeighedSum(const Ranked<C>* ranked, const C* weights, int64_t count) {
  if (IsNothing(ranked[0])) return ranked[0].value;
  double sum = 0;
  for (int64_t r = 0; r < count; ++r) {
    if (weights[r] == 0) continue;
    const double product = static_cast<double>(weights[r]) * static_cast<double>(ranked[r].value);
    // The first product is not added to zero, so that minus zero stays what it is.
    sum = r == 0 ? product : sum + product;
  }
  return static_cast<C>(sum);
}

// The distances of a window's values from one of them. Those of float64 may be too large for it, so
// they come in units of 1 or 4.
struct Distances {
  double from, unit;

  // Takes the largest value and the smallest one.
  SOFTPOOL_HOST_DEVICE Distances(double from, double largest, double smallest)
      : from(from), unit(largest - smallest <= std::numeric_limits<double>::max() ? 1 : 4) {}
  SOFTPOOL_HOST_DEVICE double Of(double value) const {
    if (value == from) return 0;
    return unit == 1 ? value - from : value / unit - from / unit;
  }
};

// Adds the gradient of each rank's logit to `gradients`, given the gradient `g` of the weighted sum
// y. The gradient is p_r g (a_(r) - y) if the softmax of the logits gives the weights, and g a_(r)
// if the logits are the weights.
template <class C>
SOFTPOOL_HOST_DEVICE void LogitGradients(const Ranked<C>* ranked, const C* weights, int64_t count,
                                         C g, bool softmax, C* gradients) {
  if (IsNothing(ranked[0])) return;
  if (!softmax) {
    for (int64_t r = 0; r < count; ++r) gradients[r] += g * ranked[r].value;
    return;
  }
  // Distances from the value with the largest weight keep digits that an offset common to all
  // values, or an outlier of little weight, would cost.
  int64_t heaviest = 0;
  for (int64_t r = 1; r < count; ++r) heaviest = weights[r] > weights[heaviest] ? r : heaviest;
  const auto value = [&](int64_t r) { return static_cast<double>(ranked[r].value); };
  const Distances distances(value(heaviest), value(0), value(count - 1));
  double mean = 0;
  for (int64_t r = 0; r < count; ++r) {
    if (weights[r] != 0) mean += static_cast<double>(weights[r]) * distances.Of(value(r));
  }
  for (int64_t r = 0; r < count; ++r) {
    if (weights[r] == 0) continue;
    const double to_rank = static_cast<double>(weights[r]) * static_cast<double>(g);
    gradients[r] += static_cast<C>(to_rank * (distances.Of(value(r)) - mean) * distances.unit);
  }
}

}  // namespace softpool

#endif  // SOFTPOOL_POOLINGS_SORTED_SORTED_REFERENCE_H_
