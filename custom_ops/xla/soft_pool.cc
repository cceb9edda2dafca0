// SoftPool in XLA's operations: see kernels/soft_pool.h.
#include "tensorflow/core/framework/attr_value_util.h"
#include "xla/arithmetic.h"
#include "xla/operations.h"

namespace softpool {

using xla::XlaOp;

std::vector<XlaOp> SoftPoolOperations(const Windows& windows, const std::vector<XlaOp>& inputs,
                                      const tensorflow::AttrSlice&) {
  const Exponentials a = ExponentialsOf(windows.Of(inputs[0], -kInfinity));
  return {windows.Flat(a.largest + SumOf(a.e * a.distance) / a.total)};
}

std::vector<XlaOp> SoftPoolGradOperations(const Windows& windows, const std::vector<XlaOp>& inputs,
                                          const tensorflow::AttrSlice& attributes) {
  const Exponentials a = ExponentialsOf(windows.Of(inputs[0], -kInfinity));
  const XlaOp weights = a.e / a.total;
  XlaOp to_x = windows.PerWindow(inputs[1]) * weights;
  if (attributes.Find("gradient")->s() == "exact") {
    to_x = to_x * (Number(to_x, 1) + a.distance - SumOf(weights * a.distance));
  }
  return {windows.Sum(to_x)};
}

}  // namespace softpool
