// Local importance pooling, built from XLA's operations.
#include "softpool/xla/arithmetic.h"
#include "softpool/xla/forms.h"

namespace softpool {
namespace {

using xla::XlaOp;

struct Importance {
  XlaOp weights, y, half_from_y, nan;
};

Importance ImportanceOf(const Windows& windows, XlaOp x, XlaOp logits) {
  const XlaOp a = windows.Of(x, -kInfinity), l = windows.Of(logits, -kInfinity);
  const XlaOp kept = xla::Not(Equals(a, -kInfinity));
  const Softmax softmax = SoftmaxOf(l, kept);
  // A value of +inf makes y infinite however small its weight is, unless its logit is infinitely
  // far below the largest one.
  const XlaOp weighs =
      xla::Or(xla::Eq(l, softmax.largest),
              xla::And(Exceeds(l, -kInfinity), xla::Not(Equals(softmax.largest, kInfinity))));
  const XlaOp infinite = AnyOf(xla::And(Equals(a, kInfinity), weighs));
  const Average average = WeightedAverage(a, softmax.weights);
  XlaOp y = Where(infinite, kInfinity, average.y);
  y = Where(AnyOf(kept), y, -kInfinity);
  const XlaOp nan = AnyOf(xla::Or(xla::Ne(a, a), xla::Ne(l, l)));
  return {softmax.weights, Where(nan, kNan, y), average.half_from_y, nan};
}

std::vector<XlaOp> ImportancePoolOperations(const Windows& windows,
                                            const std::vector<XlaOp>& inputs, const Attributes&) {
  return {windows.Flat(ImportanceOf(windows, inputs[0], inputs[1]).y)};
}

std::vector<XlaOp> ImportancePoolGradOperations(const Windows& windows,
                                                const std::vector<XlaOp>& inputs,
                                                const Attributes&) {
  const Importance p = ImportanceOf(windows, inputs[0], inputs[1]);
  const XlaOp g = windows.PerWindow(inputs[2]);
  const XlaOp to_x = Where(p.nan, kNan, g * p.weights);
  const XlaOp counts = xla::And(xla::IsFinite(p.y), Exceeds(p.weights, 0));
  const XlaOp to_logits = Where(counts, g * p.weights * Number(g, 2) * p.half_from_y, 0.0);
  return {windows.Sum(to_x), windows.Sum(Where(p.nan, kNan, to_logits))};
}

[[maybe_unused]] const bool kImportancePoolForms[] = {
    RegisterXlaForm("Softpool>ImportancePool", ImportancePoolOperations),
    RegisterXlaForm("Softpool>ImportancePoolGrad", ImportancePoolGradOperations),
};

}  // namespace
}  // namespace softpool
