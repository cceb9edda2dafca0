// The mathematics of windows in XLA's operations. Tensors have the positions of a window along
// their first dimension; what there is one of for each window has length one there.
#ifndef SOFTPOOL_XLA_ARITHMETIC_H_
#define SOFTPOOL_XLA_ARITHMETIC_H_

#include <limits>
#include <vector>

#include "xla/hlo/builder/xla_builder.h"
#include "xla/shape.h"

namespace softpool {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Throws absl::BadStatusOrAccess where the operation is in error.
xla::Shape ShapeOf(xla::XlaOp a);

// A number of the type of a tensor.
xla::XlaOp Number(xla::XlaOp like, double value);

// Comparisons with a number.
xla::XlaOp Equals(xla::XlaOp a, double value);
xla::XlaOp Exceeds(xla::XlaOp a, double value);

// Elements of `yes` where the condition holds, else of `no`. Lengths of one, and numbers, spread.
xla::XlaOp Where(xla::XlaOp condition, xla::XlaOp yes, xla::XlaOp no);
xla::XlaOp Where(xla::XlaOp condition, xla::XlaOp yes, double no);
xla::XlaOp Where(xla::XlaOp condition, double yes, xla::XlaOp no);

// One in place of zero, to divide by.
xla::XlaOp OneForZero(xla::XlaOp a);

// Over some dimensions, which are gone.
xla::XlaOp SumOver(xla::XlaOp a, const std::vector<int64_t>& dimensions);

// Over each window.
xla::XlaOp SumOf(xla::XlaOp a);
xla::XlaOp LargestOf(xla::XlaOp a);
xla::XlaOp AnyOf(xla::XlaOp a);

// e^(a - largest), the largest of each window being a constant, such that nothing overflows. -inf
// weighs nothing; NaN gives NaN.
struct Exponentials {
  xla::XlaOp e, distance, total, largest;  // total: 1 in place of 0
};
Exponentials ExponentialsOf(xla::XlaOp a);

// The softmax of those logits that are kept. If they are all -inf, they are equal.
struct Softmax {
  xla::XlaOp weights, largest;
};
Softmax SoftmaxOf(xla::XlaOp logits, xla::XlaOp kept);

// The average of finite values by weights that add up to one, and half of each value's distance
// from it, without loss of a common offset's digits. What is not finite counts as zero.
struct Average {
  xla::XlaOp y, half_from_y;
};
Average WeightedAverage(xla::XlaOp a, xla::XlaOp weights);

}  // namespace softpool

#endif  // SOFTPOOL_XLA_ARITHMETIC_H_
