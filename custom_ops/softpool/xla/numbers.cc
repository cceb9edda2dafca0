#include "softpool/xla/numbers.h"

namespace softpool {

using xla::XlaOp;

Numbers::Numbers(const Windows& windows, XlaOp x) {
  const XlaOp a = windows.Of(x, -kInfinity);
  nan_ = AnyOf(xla::Ne(a, a));
  limit_ = LargestOf(a);
  infinite_ = Equals(xla::Abs(limit_), kInfinity);
  present = xla::Not(Equals(a, -kInfinity));
  values = Where(xla::And(present, xla::Not(infinite_)), a, 0.0);
  count = OneForZero(SumOf(Where(present, 1.0, Number(a, 0))));
  const Parts parts = PartsOf(values);
  total = parts.sum * parts.factor;
  mean = parts.sum / count * parts.factor;
  largest = Where(infinite_, 0.0, limit_);
  const XlaOp ones = Where(xla::And(present, xla::Eq(values, largest)), 1.0, Number(a, 0));
  share_of_largest = ones / OneForZero(SumOf(ones));
}

XlaOp Numbers::TimesDistance(XlaOp factor) const {
  const XlaOp half = Number(factor, 0.5);
  return factor * (largest * half - mean * half) * Number(factor, 2);
}

XlaOp Numbers::Result(XlaOp y) const { return Where(nan_, kNan, Where(infinite_, limit_, y)); }

XlaOp Numbers::OfTap(XlaOp v) const { return OfWindow(Where(present, v, 0.0)); }

XlaOp Numbers::OfWindow(XlaOp v) const { return Where(nan_, kNan, Where(infinite_, 0.0, v)); }

}  // namespace softpool
