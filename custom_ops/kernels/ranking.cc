#include "kernels/ranking.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace softpool {
namespace {

template <class C>
bool IsNothing(const Ranked<C>& v) {
  return v.value == -std::numeric_limits<C>::infinity();
}

}  // namespace

template <class C>
bool Rank(int64_t pool_range, std::vector<Ranked<C>>* values) {
  using Value = Ranked<C>;
  const auto is_nan = [](const Value& v) { return std::isnan(v.value); };
  if (std::any_of(values->begin(), values->end(), is_nan)) return false;
  if (!std::all_of(values->begin(), values->end(), IsNothing<C>)) {
    values->erase(std::remove_if(values->begin(), values->end(), IsNothing<C>), values->end());
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
  if (IsNothing(ranked[0])) return ranked[0].value;
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
  gradients->assign(ranked.size(), C{0});
  if (IsNothing(ranked[0])) return;
  if (!softmax) {
    for (size_t r = 0; r < ranked.size(); ++r) (*gradients)[r] = g * ranked[r].value;
    return;
  }
  // Distances from the value of the largest weight keep the digits that an offset common to all
  // would take, or an outlier of little weight.
  const size_t heaviest = std::max_element(weights.begin(), weights.end()) - weights.begin();
  const double from = static_cast<double>(ranked[heaviest].value);
  const auto distance = [&](size_t r) {
    const double value = static_cast<double>(ranked[r].value);
    return value == from ? 0 : value - from;
  };
  double mean = 0;
  for (size_t r = 0; r < ranked.size(); ++r) {
    if (weights[r] != 0) mean += static_cast<double>(weights[r]) * distance(r);
  }
  for (size_t r = 0; r < ranked.size(); ++r) {
    if (weights[r] == 0) continue;
    const double to_rank = static_cast<double>(weights[r]) * static_cast<double>(g);
    (*gradients)[r] = static_cast<C>(to_rank * (distance(r) - mean));
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
