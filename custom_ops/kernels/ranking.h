// One window of one channel ranked by the book: slowly, and right where values are infinite, are no
// numbers, or are very many.
#ifndef TF_SOFTPOOL_KERNELS_RANKING_H_
#define TF_SOFTPOOL_KERNELS_RANKING_H_

#include <cstdint>
#include <vector>

namespace softpool {

// A value, and its place in the window in row-major order.
template <class C>
struct Ranked {
  C value;
  int64_t index;
};

// Keeps the first `pool_range` of the values, in decreasing order, equal ones in row-major order.
// -inf is as if it were not there, unless there is nothing else. False if there is a NaN.
template <class C>
bool Rank(int64_t pool_range, std::vector<Ranked<C>>* values);

// sum_r p_r a_(r), -inf where there is nothing else. What has no weight adds nothing, even if it is
// infinite.
template <class C>
C WeighedSum(const std::vector<Ranked<C>>& ranked, const std::vector<C>& weights);

// What each rank's logit gets of a gradient `g` of the weighed sum y: p_r g (a_(r) - y) where
// weights are the softmax of logits, g a_(r) where they are the logits.
template <class C>
void LogitGradients(const std::vector<Ranked<C>>& ranked, const std::vector<C>& weights, C g,
                    bool softmax, std::vector<C>* gradients);

}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_RANKING_H_
