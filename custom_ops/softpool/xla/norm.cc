#include "softpool/xla/norm.h"

#include "xla/hlo/builder/lib/constants.h"

namespace softpool {

using xla::XlaOp;

Norm::Norm(const Numbers& numbers, XlaOp exponent, bool is_mean) {
  const XlaOp one = Number(exponent, 1);
  const XlaOp valid = xla::Ge(exponent, one);
  // As large as infinity, and products with logarithms are finite.
  const XlaOp p = Where(Exceeds(exponent, 1e30), 1e30, exponent);
  // Some threads of TensorFlow take subnormal numbers for zeros, and others do not. Here they are.
  const XlaOp least = xla::MinPositiveNormalValue(p.builder(), ShapeOf(p).element_type());
  XlaOp size = xla::Abs(numbers.values);
  size = Where(xla::Ge(size, least), size, 0.0);
  const XlaOp largest = LargestOf(size), scale = OneForZero(largest);
  // The logarithms of the ratios to the largest size. Those of zeros do not count.
  const XlaOp counts = Exceeds(size, 0);
  const XlaOp log = xla::Log(Where(counts, size / scale, 1.0));
  const XlaOp powers = Where(counts, xla::Exp(p * log), 0.0);
  const XlaOp sum = OneForZero(SumOf(powers));
  const XlaOp total = is_mean ? sum / numbers.count : sum;
  const XlaOp log_total = xla::Log(total);
  const XlaOp inverse = one / p;
  y = largest * xla::Exp(log_total * inverse);
  XlaOp factor = xla::Exp(log_total * (inverse - one));
  if (is_mean) factor = factor / numbers.count;
  slope = Where(counts, xla::Sign(numbers.values) * xla::Exp((p - one) * log) * factor, 0.0);
  to_p = y * inverse * (SumOf(powers * log) / sum - log_total * inverse);
  y = Where(valid, y, kNan);
  slope = Where(valid, slope, kNan);
  to_p = Where(valid, to_p, kNan);
}

}  // namespace softpool
