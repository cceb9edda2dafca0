// The softmax of the first logits of any number, for windows whose tables would be too large.
#ifndef TF_SOFTPOOL_KERNELS_CUDA_SOFTMAX_PREFIXES_H_
#define TF_SOFTPOOL_KERNELS_CUDA_SOFTMAX_PREFIXES_H_

#include "kernels/cuda/rank_weights.h"

namespace softpool {
namespace HWY_NAMESPACE {

// For each number of ranks, what their softmax needs: the largest logit, the first rank that has
// it, and the sum of all exponentials over its own.
struct SoftmaxPrefixes {
  double* largest;  // each [ranks, columns]
  double* total;
  int64_t* heaviest;
  int64_t columns;
};

// A thread makes those of one channel.
template <class C>
struct SoftmaxPrefixesProgram {
  LogitTable<C> logits;
  SoftmaxPrefixes prefixes;

  SOFTPOOL_HOST_DEVICE int64_t Phases(const Thread&) const { return 1; }

  SOFTPOOL_HOST_DEVICE void Run(int64_t, const Thread& t) const {
    const int64_t c = t.group * t.count + t.index;
    if (c >= prefixes.columns) return;
    double largest = -std::numeric_limits<double>::infinity(), total = 0;
    int64_t heaviest = 0;
    for (int64_t r = 0; r < logits.ranks; ++r) {
      const double w = static_cast<double>(logits.At(r, c));
      if (w > largest) {
        total = total * std::exp(largest - w) + 1;
        largest = w;
        heaviest = r;
      } else {
        // Equal infinities share the weight.
        total += w == largest ? 1.0 : std::exp(w - largest);
      }
      prefixes.largest[r * prefixes.columns + c] = largest;
      prefixes.total[r * prefixes.columns + c] = total;
      prefixes.heaviest[r * prefixes.columns + c] = heaviest;
    }
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_CUDA_SOFTMAX_PREFIXES_H_
