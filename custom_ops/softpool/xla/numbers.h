// The numbers of windows in XLA's operations, for poolings that share the meaning of infinities and
// NaN: see poolings/shared/numbers-inl.h.
#ifndef SOFTPOOL_XLA_NUMBERS_H_
#define SOFTPOOL_XLA_NUMBERS_H_

#include "softpool/xla/arithmetic.h"
#include "softpool/xla/windows.h"

namespace softpool {

class Numbers {
 public:
  Numbers(const Windows& windows, xla::XlaOp x);

  // The values, with zeros at positions that count as padding, and in windows with +inf.
  xla::XlaOp values;
  xla::XlaOp present;           // whether a position has a number
  xla::XlaOp count;             // of numbers, at least one
  xla::XlaOp total;             // of the values
  xla::XlaOp mean, largest;     // finite, or NaN
  xla::XlaOp share_of_largest;  // one divided by the number of largest values, or zero

  // Returns `factor` times the distance of the largest value from the mean. The distance itself may
  // overflow.
  xla::XlaOp TimesDistance(xla::XlaOp factor) const;

  // Give what a pooling computes from the numbers its meaning for the window: a result, the
  // gradient of a position, and the gradient of a parameter.
  xla::XlaOp Result(xla::XlaOp y) const;
  xla::XlaOp OfTap(xla::XlaOp v) const;
  xla::XlaOp OfWindow(xla::XlaOp v) const;

 private:
  xla::XlaOp limit_, infinite_, nan_;
};

}  // namespace softpool

#endif  // SOFTPOOL_XLA_NUMBERS_H_
