#include "kernels/ranking.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace softpool {

template <class C>
bool Rank(int64_t pool_range, std::vector<Ranked<C>>* values) {
  using Value = Ranked<C>;
  const auto is_nan = [](const Value& v) { return std::isnan(v.value); };
  if (std::any_of(values->begin(), values->end(), is_nan)) return false;
  const auto is_nothing = [](const Value& v) {
    return v.value == -std::numeric_limits<C>::infinity();
  };
  if (!std::all_of(values->begin(), values->end(), is_nothing)) {
    values->erase(std::remove_if(values->begin(), values->end(), is_nothing), values->end());
  }
  const auto before = [](const Value& a, const Value& b) {
    return a.value > b.value || (a.value == b.value && a.index < b.index);
  };
  if (pool_range < static_cast<int64_t>(values->size())) {
    std::nth_element(values->begin(), values->begin() + pool_range, values->end(), before);
    values->resize(pool_range);
  }
  std::sort(values->begin(), values->end(), before);
  return true;
}

template <class C>
C WeighedSum(const std::vector<Ranked<C>>& ranked, const std::vector<C>& weights) {
  // The first product alone, so that minus zero stays what it is.
  double sum = 0;
  for (size_t r = 0; r < ranked.size(); ++r) {
    if (weights[r] == 0) continue;
    const double product = static_cast<double>(weights[r]) * static_cast<double>(ranked[r].value);
    sum = r == 0 ? product : sum + product;
  }
  return static_cast<C>(sum);
}

template <class C>
void LogitGradients(const std::vector<Ranked<C>>& ranked, const std::vector<C>& weights, C g,
                    bool softmax, std::vector<C>* gradients) {
  gradients->resize(ranked.size());
  if (!softmax) {
    for (size_t r = 0; r < ranked.size(); ++r) (*gradients)[r] = g * ranked[r].value;
    return;
  }
  // Distances from the largest value keep the digits that an offset common to all would take.
  const double largest = ranked.empty() ? 0 : static_cast<double>(ranked[0].value);
  const auto distance = [&](size_t r) {
    const double value = static_cast<double>(ranked[r].value);
    return value == largest ? 0 : value - largest;
  };
  double mean = 0;
  for (size_t r = 0; r < ranked.size(); ++r) {
    if (weights[r] != 0) mean += static_cast<double>(weights[r]) * distance(r);
  }
  for (size_t r = 0; r < ranked.size(); ++r) {
    const double to_rank = static_cast<double>(weights[r]) * static_cast<double>(g);
    (*gradients)[r] = weights[r] == 0 ? C{0} : static_cast<C>(to_rank * (distance(r) - mean));
  }
}

template bool Rank(int64_t, std::vector<Ranked<float>>*);
template bool Rank(int64_t, std::vector<Ranked<double>>*);
template float WeighedSum(const std::vector<Ranked<float>>&, const std::vector<float>&);
template double WeighedSum(const std::vector<Ranked<double>>&, const std::vector<double>&);
template void LogitGradients(const std::vector<Ranked<float>>&, const std::vector<float>&, float,
                             bool, std::vector<float>*);
template void LogitGradients(const std::vector<Ranked<double>>&, const std::vector<double>&, double,
                             bool, std::vector<double>*);

}  // namespace softpool
