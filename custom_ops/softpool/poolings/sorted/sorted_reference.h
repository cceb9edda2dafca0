// Sorted-weight pooling's reference path: one window of one channel, ranked slowly. It is right
// where values are infinite, NaN or very many.
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

// Whether a value comes before another one.
template <class C>
SOFTPOOL_HOST_DEVICE bool IsBefore(const Ranked<C>& a, const Ranked<C>& b) {
  return a.value > b.value || (a.value == b.value && a.index < b.index);
}

// Keeps the first `pool_range` of the values, in decreasing order, equal ones in row-major order.
// -inf is as if it were not there, unless there is nothing else. False if there is a NaN.
template <class C>
bool Rank(int64_t pool_range, std::vector<Ranked<C>>* values);

// sum_r p_r a_(r), -inf where there is nothing else. What has no weight adds nothing, even if it is
// infinite.
template <class C>
SOFTPOOL_HOST_DEVICE C WeighedSum(const Ranked<C>* ranked, const C* weights, int64_t count) {
  // The first product alone, so that minus zero stays what it is.
  if (IsNothing(ranked[0])) return ranked[0].value;
  double sum = 0;
  for (int64_t r = 0; r < count; ++r) {
    if (weights[r] == 0) continue;
    const double product = static_cast<double>(weights[r]) * static_cast<double>(ranked[r].value);
    sum = r == 0 ? product : sum + product;
  }
  return static_cast<C>(sum);
}

// What each rank's logit gets of a gradient `g` of the weighed sum y, added to `gradients`:
// p_r g (a_(r) - y) where weights are the softmax of logits, g a_(r) where they are the logits.
template <class C>
SOFTPOOL_HOST_DEVICE void LogitGradients(const Ranked<C>* ranked, const C* weights, int64_t count,
                                         C g, bool softmax, C* gradients) {
  if (IsNothing(ranked[0])) return;
  if (!softmax) {
    for (int64_t r = 0; r < count; ++r) gradients[r] += g * ranked[r].value;
    return;
  }
  // Distances from the value of the largest weight keep the digits that an offset common to all
  // would take, or an outlier of little weight.
  int64_t heaviest = 0;
  for (int64_t r = 1; r < count; ++r) heaviest = weights[r] > weights[heaviest] ? r : heaviest;
  const double from = static_cast<double>(ranked[heaviest].value);
  const auto distance = [&](int64_t r) {
    const double value = static_cast<double>(ranked[r].value);
    return value == from ? 0 : value - from;
  };
  double mean = 0;
  for (int64_t r = 0; r < count; ++r) {
    if (weights[r] != 0) mean += static_cast<double>(weights[r]) * distance(r);
  }
  for (int64_t r = 0; r < count; ++r) {
    if (weights[r] == 0) continue;
    const double to_rank = static_cast<double>(weights[r]) * static_cast<double>(g);
    gradients[r] += static_cast<C>(to_rank * (distance(r) - mean));
  }
}

}  // namespace softpool

#endif  // SOFTPOOL_POOLINGS_SORTED_SORTED_REFERENCE_H_
