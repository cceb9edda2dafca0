// Detail-preserving pooling, built from XLA's operations.
#include "softpool/poolings/detail_preserving/detail_reference.h"

#include <cmath>

#include "softpool/xla/arithmetic.h"
#include "softpool/xla/forms.h"

namespace softpool {
namespace {

using xla::XlaOp;

// What is known about each window. Weights are divided by e^scale, the largest of |alpha| and all
// rho.
struct Detail {
  XlaOp values;  // the input's values, with 0 for infinite ones
  XlaOp kept, count, infinite, nan;
  // With d = x - guide, quarter is d / 4 and distance is sqrt(d^2 + epsilon^2) / 4.
  XlaOp lambda, quarter, distance;
  // total is the sum of the weights; rho and weights are divided by it. half is e^(-scale / 2).
  XlaOp rho, weights, total, half;
  XlaOp equal;  // true if all weights are equal
  XlaOp y, half_from_y;
  bool guided;
};

// Returns sqrt(a^2 + b^2), computed so that no square overflows.
XlaOp Hypotenuse(XlaOp a, double b) {
  const XlaOp scale = xla::Max(xla::Abs(a), Number(a, b));
  const XlaOp one = a / scale, other = Number(a, b) / scale;
  return scale * xla::Sqrt(one * one + other * other);
}

// Computes the weights alpha + rho(values - guide), and what their derivatives need.
void Weigh(XlaOp guide, XlaOp alpha, XlaOp lambda, bool symmetric, Detail* d) {
  const XlaOp& v = d->values;
  // If the guide or alpha is infinite, all weights are equal.
  d->equal = xla::Or(Equals(xla::Abs(guide), kInfinity), Equals(xla::Abs(alpha), kInfinity));
  alpha = Where(d->equal, 1.0, alpha);
  const XlaOp quarter = Number(v, 0.25);  // differences of quarters cannot overflow
  d->quarter = Where(xla::And(d->kept, xla::Not(d->equal)), quarter * v - quarter * guide, 0.0);
  if (!symmetric) d->quarter = Where(Exceeds(d->quarter, 0), d->quarter, 0.0);
  constexpr double kLowest = 0.25 * kDetailEpsilon;
  d->distance = Hypotenuse(d->quarter, kLowest);
  d->lambda = xla::Clamp(Number(v, -1e30), lambda, Number(v, 1e30));
  // Powers are computed of distance / largest, because powers of large distances have few digits.
  const XlaOp largest = LargestOf(Where(d->kept, d->distance, kLowest));
  // A very small ratio may be rounded to zero, whose logarithm is infinite.
  const XlaOp ratio = d->distance / largest;
  const XlaOp log_largest = xla::Log(largest);
  const XlaOp log_ratio =
      Where(Exceeds(ratio, 1e-30), xla::Log(ratio), xla::Log(d->distance) - log_largest);
  const XlaOp power = d->lambda * log_ratio;
  const XlaOp of_largest = d->lambda * (log_largest + Number(v, std::log(4)));
  const XlaOp log_alpha = xla::Log(xla::Abs(alpha));
  const XlaOp scale =
      xla::Max(LargestOf(Where(d->kept, power, -kInfinity)) + of_largest, log_alpha);
  // e^-scale may leave the type's range, so `half` is its square root and is multiplied in twice.
  const bool wide = ShapeOf(v).element_type() == xla::F64;
  const XlaOp limit = Number(v, wide ? 1400 : 170);
  d->half = xla::Exp(Number(v, -0.5) * xla::Clamp(-limit, scale, limit));
  d->rho = Where(d->kept, xla::Exp(power + (of_largest - scale)), 0.0);
  d->weights = Where(d->kept, alpha * d->half * d->half + d->rho, 0.0);
  d->total = OneForZero(SumOf(d->weights));
  d->weights = d->weights / d->total;
  d->rho = d->rho / d->total;
}

Detail DetailOf(const Windows& windows, const std::vector<XlaOp>& inputs,
                const Attributes& attributes) {
  Detail d;
  d.guided = inputs[1].valid();
  const XlaOp a = windows.Of(inputs[0], -kInfinity);
  const XlaOp alpha = windows.Parameter(inputs[2], true);
  const XlaOp lambda = windows.Parameter(inputs[3], true);
  d.kept = xla::Not(Equals(a, -kInfinity));
  d.values = Where(Equals(xla::Abs(a), kInfinity), 0.0, a);
  d.count = SumOf(Where(d.kept, 1.0, Number(a, 0)));
  d.infinite = Equals(a, kInfinity);
  const Parts parts = PartsOf(d.values);
  const XlaOp guide =
      d.guided ? windows.PerWindow(inputs[1]) : parts.sum / OneForZero(d.count) * parts.factor;
  d.nan = xla::Or(
      AnyOf(xla::Ne(a, a)),
      xla::Or(xla::Ne(guide, guide), xla::Or(xla::Ne(alpha, alpha), xla::Ne(lambda, lambda))));
  Weigh(guide, alpha, lambda, attributes.Bool("symmetric"), &d);
  const Average average = WeightedAverage(d.values, d.weights);
  d.half_from_y = average.half_from_y;
  d.y = Where(AnyOf(d.infinite), kInfinity, average.y);
  d.y = Where(d.nan, kNan, Where(Equals(d.count, 0), -kInfinity, d.y));
  return d;
}

std::vector<XlaOp> DetailPreservingPoolOperations(const Windows& windows,
                                                  const std::vector<XlaOp>& inputs,
                                                  const Attributes& attributes) {
  return {windows.Flat(DetailOf(windows, inputs, attributes).y)};
}

std::vector<XlaOp> DetailPreservingPoolGradOperations(const Windows& windows,
                                                      const std::vector<XlaOp>& inputs,
                                                      const Attributes& attributes) {
  const Detail d = DetailOf(windows, inputs, attributes);
  const XlaOp g = windows.PerWindow(inputs[4]);
  const XlaOp differs = xla::And(d.kept, xla::And(xla::IsFinite(d.y), xla::Not(d.equal)));
  // If values are very large, a derivative may be beyond the type's range, and its product with the
  // gradient inside. Such derivatives are computed in a larger unit, which is a power of two.
  const bool wide = ShapeOf(d.y).element_type() == xla::F64;
  const XlaOp large = Exceeds(LargestOf(xla::Abs(d.half_from_y)), wide ? 1e300 : 1e30);
  const XlaOp unit = Where(large, 4096.0, Number(d.y, 1));
  const XlaOp from_y = Where(differs, Number(d.y, 2) / unit * d.half_from_y, 0.0);
  // The derivative of rho is lambda rho d / (d^2 + epsilon^2). No quotient is divided again: XLA
  // would multiply the two divisors, and their product may overflow.
  const XlaOp share = d.rho * (d.quarter / d.distance);
  const XlaOp per_lambda =
      Where(Equals(share, 0), 0.0, share * from_y / (Number(share, 4) * d.distance));
  const XlaOp to_detail = g * per_lambda * d.lambda * unit;
  XlaOp to_x = g * d.weights + to_detail;
  if (!d.guided) to_x = to_x - SumOf(to_detail) / OneForZero(d.count);
  // If y is +inf, the values of +inf share the gradient.
  const XlaOp infinities = Where(d.infinite, 1.0, Number(to_x, 0));
  const XlaOp equal_share = infinities / OneForZero(SumOf(infinities));
  to_x = Where(Equals(d.y, kInfinity), g * equal_share, Where(d.kept, to_x, 0.0));

  const XlaOp log_base = xla::Log(d.distance) + Number(to_x, std::log(4));
  const XlaOp to_lambda = g * SumOf(from_y * (d.rho * log_base)) * unit;
  const XlaOp to_alpha = g * (SumOf(from_y) / d.total * d.half * d.half) * unit;
  const auto or_nan = [&d](XlaOp a) { return Where(d.nan, kNan, a); };
  std::vector<XlaOp> gradients = {windows.Sum(or_nan(to_x))};
  if (d.guided) gradients.push_back(windows.Flat(or_nan(-SumOf(to_detail))));
  for (const auto& [to, i] : {std::pair{to_alpha, 2}, std::pair{to_lambda, 3}}) {
    gradients.push_back(windows.ParameterSum(or_nan(to), inputs[i], true));
  }
  return gradients;
}

[[maybe_unused]] const bool kDetailPreservingPoolForms[] = {
    RegisterXlaForm("Softpool>DetailPreservingPool", DetailPreservingPoolOperations),
    RegisterXlaForm("Softpool>DetailPreservingPoolGrad", DetailPreservingPoolGradOperations),
};

}  // namespace
}  // namespace softpool
