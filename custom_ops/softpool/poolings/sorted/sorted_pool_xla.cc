// Sorted-weight pooling, built from XLA's operations.
#include "softpool/xla/arithmetic.h"
#include "xla/hlo/builder/lib/comparators.h"
#include "softpool/xla/forms.h"

namespace softpool {
namespace {

using xla::XlaOp;

// Windows sorted in decreasing order, and the ranks' weights. Each window has as many values as
// there are logits.
struct Ranked {
  XlaOp values, weights, y;
  // Whether a value adds to y: it must be kept and, if it is infinite, have a weight.
  XlaOp counted;
  XlaOp places;  // each value's place in its window, for all `taps` ranks
  XlaOp nan;
  bool per_channel;
  int64_t taps;
};

// Returns each value's place along the first dimension. The places are computed from `a` and so
// have the same shape, even if that shape depends on the values of other tensors.
XlaOp PlacesOf(XlaOp a) {
  xla::XlaBuilder* const builder = a.builder();
  const int64_t taps = ShapeOf(a).dimensions(0);
  return xla::Add(xla::ConvertElementType(xla::Lt(a, a), xla::S32),
                  xla::Iota(builder, xla::S32, taps), {0});
}

// Returns the first `count` of `taps` elements along the first dimension. If `count` is larger,
// `fill` pads the rest.
XlaOp First(XlaOp a, int64_t taps, int64_t count, double fill) {
  if (count <= taps) return xla::SliceInDim(a, 0, count, 1, 0);
  return xla::PadInDim(a, Number(a, fill), 0, 0, count - taps);
}

Ranked RankedOf(const Windows& windows, XlaOp x, XlaOp logits, bool softmax) {
  xla::XlaBuilder* const builder = x.builder();
  const XlaOp a = windows.Of(x, -kInfinity);
  const xla::Shape shape = ShapeOf(a);
  const xla::Shape logits_shape = ShapeOf(logits);
  const int64_t range = logits_shape.dimensions(0);
  Ranked r;
  r.taps = shape.dimensions(0);
  r.per_channel = logits_shape.dimensions().size() == 2;
  r.nan = AnyOf(xla::Ne(a, a));
  // Equal values stay in the order of their places. Zeros of both signs are made equal for this.
  const auto greater = xla::CreateScalarGtComputation({shape.element_type(), xla::S32}, builder);
  const XlaOp sorted = xla::Sort({Where(xla::Or(r.nan, Equals(a, 0)), 0.0, a), PlacesOf(a)},
                                 greater, 0, /*is_stable=*/true);
  r.places = xla::GetTupleElement(sorted, 1);
  r.values = First(xla::GetTupleElement(sorted, 0), r.taps, range, -kInfinity);

  const XlaOp kept = Exceeds(r.values, -kInfinity);
  const XlaOp w = windows.Parameter(logits, r.per_channel);
  r.weights = softmax ? SoftmaxOf(Where(kept, w, -kInfinity), kept).weights : Where(kept, w, 0.0);
  r.counted = xla::And(kept, xla::Or(xla::Not(Equals(r.weights, 0)), xla::IsFinite(r.values)));
  const XlaOp y = SumOf(r.weights * Where(r.counted, r.values, 0.0));
  r.y = Where(r.nan, kNan, Where(AnyOf(Exceeds(a, -kInfinity)), y, -kInfinity));
  return r;
}

std::vector<XlaOp> SortedPoolOperations(const Windows& windows, const std::vector<XlaOp>& inputs,
                                        const Attributes& attributes) {
  const bool softmax = attributes.String("normalize") == "softmax";
  return {windows.Flat(RankedOf(windows, inputs[0], inputs[1], softmax).y)};
}

std::vector<XlaOp> SortedPoolGradOperations(const Windows& windows,
                                            const std::vector<XlaOp>& inputs,
                                            const Attributes& attributes) {
  const bool softmax = attributes.String("normalize") == "softmax";
  const Ranked r = RankedOf(windows, inputs[0], inputs[1], softmax);
  const XlaOp g = windows.PerWindow(inputs[2]);
  const int64_t range = ShapeOf(inputs[1]).dimensions(0);

  // Sorting the weights by their values' places puts each weight where its value was.
  xla::XlaBuilder* const builder = g.builder();
  const auto type = ShapeOf(g).element_type();
  const auto less = xla::CreateScalarLtComputation({xla::S32, type}, builder);
  const XlaOp weights = First(r.weights, range, r.taps, 0);
  const XlaOp placed = xla::GetTupleElement(xla::Sort({r.places, weights}, less, 0), 1);
  // A value that has no rank or no weight gets a gradient of zero, even if g is infinite.
  const XlaOp to_x = Where(Equals(placed, 0), 0.0, g * placed);

  const XlaOp slope =
      softmax ? r.weights * Number(g, 2) * WeightedAverage(r.values, r.weights).half_from_y
              : r.values;
  const XlaOp to_logits = Where(r.counted, g * slope, 0.0);
  return {windows.Sum(Where(r.nan, kNan, to_x)),
          windows.ParameterSum(Where(r.nan, kNan, to_logits), inputs[1], r.per_channel)};
}

[[maybe_unused]] const bool kSortedPoolForms[] = {
    RegisterXlaForm("Softpool>SortedPool", SortedPoolOperations),
    RegisterXlaForm("Softpool>SortedPoolGrad", SortedPoolGradOperations),
};

}  // namespace
}  // namespace softpool
