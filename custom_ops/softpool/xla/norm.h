// Norms of windows in XLA's operations: see poolings/shared/norm-inl.h.
#ifndef SOFTPOOL_XLA_NORM_H_
#define SOFTPOOL_XLA_NORM_H_

#include "softpool/xla/numbers.h"

namespace softpool {

struct Norm {
  // With `is_mean`, the norm is of the mean instead of the sum.
  Norm(const Numbers& numbers, xla::XlaOp p, bool is_mean);

  xla::XlaOp y;
  xla::XlaOp slope;  // the derivative of each value
  xla::XlaOp to_p;   // the derivative of p
};

}  // namespace softpool

#endif  // SOFTPOOL_XLA_NORM_H_
