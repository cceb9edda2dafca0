// One window of one channel by the book, for values that are infinite, no numbers, or very large,
// and for windows of very many: slowly, and in a wider type than theirs.
#ifndef TF_SOFTPOOL_KERNELS_IMPORTANCE_LANE_H_
#define TF_SOFTPOOL_KERNELS_IMPORTANCE_LANE_H_

#include <cstddef>
#include <vector>

namespace softpool {

template <class Real>
struct ImportanceLane {
  // What goes in.
  std::vector<Real> x, logits;
  // What comes out: each value's share of the weights, and the average.
  std::vector<Real> weights;
  Real y;

  void Run();
  // What a gradient g of y sends to a value and to its logit.
  Real ToValue(size_t i, Real g) const;
  Real ToLogit(size_t i, Real g) const;
};

}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_IMPORTANCE_LANE_H_
