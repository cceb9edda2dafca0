// The mathematics of windows in XLA's operations. Tensors have the positions of a window along
// their first dimension. A tensor with one value for each window has length one there.
#ifndef SOFTPOOL_XLA_ARITHMETIC_H_
#define SOFTPOOL_XLA_ARITHMETIC_H_

#include <limits>
#include <vector>

#include "xla/hlo/builder/xla_builder.h"
#include "xla/shape.h"

namespace softpool {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Throws absl::BadStatusOrAccess if the operation is in error.
xla::Shape ShapeOf(xla::XlaOp a);

// Returns a number in the type of a tensor.
xla::XlaOp Number(xla::XlaOp like, double value);

// Compare a tensor with a number.
xla::XlaOp Equals(xla::XlaOp a, double value);
xla::XlaOp Exceeds(xla::XlaOp a, double value);

// Returns elements of `yes` where the condition holds, else of `no`. Numbers, and dimensions of
// length one, are repeated.
xla::XlaOp Where(xla::XlaOp condition, xla::XlaOp yes, xla::XlaOp no);
xla::XlaOp Where(xla::XlaOp condition, xla::XlaOp yes, double no);
xla::XlaOp Where(xla::XlaOp condition, double yes, xla::XlaOp no);

// Returns `a` with ones instead of zeros, to divide by.
xla::XlaOp OneForZero(xla::XlaOp a);

// Returns the sum over some dimensions, without these dimensions.
xla::XlaOp SumOver(xla::XlaOp a, const std::vector<int64_t>& dimensions);

// Return one value for each window.
xla::XlaOp SumOf(xla::XlaOp a);
xla::XlaOp LargestOf(xla::XlaOp a);
xla::XlaOp AnyOf(xla::XlaOp a);

// A sum of each window's values that does not overflow, and the power of two that it must be
// multiplied by.
struct Parts {
  xla::XlaOp sum, factor;
};
Parts PartsOf(xla::XlaOp a);

// Returns the sum of the products of each window's values with finite weights. It is finite if it
// fits its type, whether terms of both signs overflow on the way or not.
xla::XlaOp TotalOfProducts(xla::XlaOp weights, xla::XlaOp a);

// e^(a - largest), computed so that nothing overflows. `largest`, the largest value of each window,
// counts as a constant. -inf weighs nothing; NaN gives NaN.
struct Exponentials {
  xla::XlaOp e, distance, total, largest;  // total: 1 in place of 0
};
Exponentials ExponentialsOf(xla::XlaOp a);

// The softmax of the logits that are kept. If all of these are -inf, their weights are equal.
struct Softmax {
  xla::XlaOp weights, largest;
};
Softmax SoftmaxOf(xla::XlaOp logits, xla::XlaOp kept);

// The average of finite values by weights that add up to one, and half of each value's distance
// from the average. An offset that all values share costs no digits. A value that is not finite
// counts as zero.
struct Average {
  xla::XlaOp y, half_from_y;
};
Average WeightedAverage(xla::XlaOp a, xla::XlaOp weights);

}  // namespace softpool

#endif  // SOFTPOOL_XLA_ARITHMETIC_H_
