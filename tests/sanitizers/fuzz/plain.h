// What a few poolings mean, one window of one channel at a time: the simplest code that is right
// for ordinary numbers.
#ifndef TF_SOFTPOOL_TESTS_SANITIZERS_FUZZ_PLAIN_H_
#define TF_SOFTPOOL_TESTS_SANITIZERS_FUZZ_PLAIN_H_

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace softpool {

using Values = std::vector<double>;

// Returns sum(f(a) a) / sum(f(a)).
template <class Weight>
double Average(const Values& a, const Weight& weight) {
  double sum = 0, total = 0;
  for (double v : a) {
    sum += weight(v) * v;
    total += weight(v);
  }
  return sum / total;
}

inline double PowerSum(const Values& a, double p) {
  double sum = 0;
  for (double v : a) sum += std::pow(std::fabs(v), p);
  return sum;
}

// The value of a window, from its values and the channel's parameter. An op that is not in this
// table has no plain form.
inline const std::map<std::string, double (*)(const Values& a, double parameter)>& PlainPoolings() {
  static const auto* const all = new std::map<std::string, double (*)(const Values&, double)>{
      {"SumPool",
       [](const Values& a, double) {
         double sum = 0;
         for (double v : a) sum += v;
         return sum;
       }},
      {"SoftPool",
       [](const Values& a, double) { return Average(a, [](double v) { return std::exp(v); }); }},
      {"MixedPool",
       [](const Values& a, double mix) {
         const double mean = Average(a, [](double) { return 1.0; });
         return mix * *std::max_element(a.begin(), a.end()) + (1 - mix) * mean;
       }},
      {"StochasticPool",
       [](const Values& a, double) {
         const bool some = *std::max_element(a.begin(), a.end()) > 0;
         return Average(a, [some](double v) { return some ? std::max(v, 0.0) : 1.0; });
       }},
      {"PowerAveragePool",
       [](const Values& a, double p) { return std::pow(PowerSum(a, p), 1 / p); }},
      {"LpPool",
       [](const Values& a, double p) {
         return std::pow(PowerSum(a, p) / static_cast<double>(a.size()), 1 / p);
       }},
  };
  return *all;
}

}  // namespace softpool

#endif  // TF_SOFTPOOL_TESTS_SANITIZERS_FUZZ_PLAIN_H_
