#include "softpool/xla/arithmetic.h"

#include <algorithm>

#include "xla/hlo/builder/lib/arithmetic.h"
#include "xla/hlo/builder/lib/constants.h"

namespace softpool {
namespace {

using xla::XlaOp;

// Returns `a` with a new first dimension of length one.
XlaOp Expanded(XlaOp a) {
  const xla::Shape shape = ShapeOf(a);
  std::vector<int64_t> dims(shape.dimensions().begin(), shape.dimensions().end());
  dims.insert(dims.begin(), 1);
  return xla::Reshape(a, dims);
}

// Returns `a` repeated to the lengths of `dims` along dimensions of length one.
XlaOp Spread(XlaOp a, const std::vector<int64_t>& dims) {
  const xla::Shape shape = ShapeOf(a);
  if (shape.dimensions().empty()) return xla::Broadcast(a, dims);
  std::vector<int64_t> all(dims.size());
  for (size_t i = 0; i < dims.size(); ++i) all[i] = i;
  return xla::BroadcastInDim(a, dims, all);
}

}  // namespace

xla::Shape ShapeOf(XlaOp a) { return a.builder()->GetShape(a).value(); }

XlaOp Number(XlaOp like, double value) { return xla::ScalarLike(like, value); }
XlaOp Equals(XlaOp a, double value) { return xla::Eq(a, Number(a, value)); }
XlaOp Exceeds(XlaOp a, double value) { return xla::Gt(a, Number(a, value)); }

XlaOp Where(XlaOp condition, XlaOp yes, XlaOp no) {
  std::vector<int64_t> dims;
  for (XlaOp a : {condition, yes, no}) {
    const xla::Shape shape = ShapeOf(a);
    dims.resize(std::max(dims.size(), shape.dimensions().size()), 1);
    for (size_t i = 0; i < shape.dimensions().size(); ++i) {
      if (dims[i] == 1) dims[i] = shape.dimensions(i);
    }
  }
  return xla::Select(Spread(condition, dims), Spread(yes, dims), Spread(no, dims));
}
XlaOp Where(XlaOp condition, XlaOp yes, double no) {
  return Where(condition, yes, Number(yes, no));
}
XlaOp Where(XlaOp condition, double yes, XlaOp no) { return Where(condition, Number(no, yes), no); }

XlaOp OneForZero(XlaOp a) { return Where(Equals(a, 0), 1.0, a); }

XlaOp SumOver(XlaOp a, const std::vector<int64_t>& dimensions) {
  const auto add = xla::CreateScalarAddComputation(ShapeOf(a).element_type(), a.builder());
  return xla::Reduce(a, Number(a, 0), add, dimensions);
}

XlaOp SumOf(XlaOp a) { return Expanded(SumOver(a, {0})); }

XlaOp LargestOf(XlaOp a) {
  const auto max = xla::CreateScalarMaxComputation(ShapeOf(a).element_type(), a.builder());
  return Expanded(xla::Reduce(a, Number(a, -kInfinity), max, {0}));
}

XlaOp AnyOf(XlaOp a) {
  const auto either = xla::CreateScalarOrComputation(xla::PRED, a.builder());
  return Expanded(xla::Reduce(a, xla::ConstantR0<bool>(a.builder(), false), either, {0}));
}

Parts PartsOf(XlaOp a) {
  // Sums of up to 2^31 values cannot overflow once the values are divided by this.
  constexpr double kLarge = 0x1p31;
  const XlaOp plain = SumOf(a), fits = xla::IsFinite(plain);
  const XlaOp one = Number(plain, 1);
  return {SumOf(a * Where(fits, one, 1 / kLarge)), Where(fits, one, kLarge)};
}

XlaOp TotalOfProducts(XlaOp weights, XlaOp a) {
  // The square of it, times the square of the largest number and 2^12 terms, is in the range.
  const double small = ShapeOf(a).element_type() == xla::F64 ? 0x1p-520 : 0x1p-72;
  const XlaOp plain = SumOf(weights * a), fits = xla::IsFinite(plain);
  const XlaOp one = Number(plain, 1);
  // Factors that differ from window to window, because XLA joins products with constants.
  const XlaOp factor = Where(fits, one, small), inverse = Where(fits, one, 1 / small);
  return SumOf((weights * factor) * (a * factor)) * inverse * inverse;
}

Exponentials ExponentialsOf(XlaOp a) {
  // e to this power is zero in every type. Its product with a weight of zero is zero, not NaN.
  constexpr double kLowest = -800;
  const XlaOp largest = LargestOf(a);
  const XlaOp limit = xla::MaxFiniteValue(a.builder(), ShapeOf(a).element_type());
  XlaOp distance = a - xla::Clamp(-limit, largest, limit);
  // The largest finite number is no smaller than the limit, but smaller than infinity.
  const XlaOp behind = xla::And(Equals(largest, kInfinity), xla::Lt(a, largest));
  // Uses comparisons, because minima and maxima need not keep NaN.
  distance = Where(xla::Or(behind, Exceeds(-distance, -kLowest)), kLowest, distance);
  distance = Where(Exceeds(distance, 0), 0.0, distance);
  const XlaOp e = xla::Exp(distance);
  return {e, distance, OneForZero(SumOf(e)), largest};
}

Softmax SoftmaxOf(XlaOp logits, XlaOp kept) {
  const Exponentials all = ExponentialsOf(Where(kept, logits, -kInfinity));
  XlaOp e = Where(Equals(all.largest, -kInfinity), 1.0, all.e);
  e = Where(kept, e, 0.0);
  return {e / OneForZero(SumOf(e)), all.largest};
}

Average WeightedAverage(XlaOp a, XlaOp weights) {
  // Uses halves, because the difference of two values may overflow even if the average does not.
  const XlaOp half = Where(xla::IsFinite(a), a * Number(a, 0.5), 0.0);
  // The sum of the weights may be rounded to more than one.
  const XlaOp most = Number(a, 0.5) * xla::MaxFiniteValue(a.builder(), ShapeOf(a).element_type());
  const XlaOp near = xla::Clamp(-most, SumOf(weights * half), most);
  const XlaOp rest = SumOf(weights * (half - near));
  return {Number(a, 2) * (near + rest), half - near - rest};
}

}  // namespace softpool
