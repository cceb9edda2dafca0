// SoftPool, built from XLA's operations.
#include "softpool/xla/arithmetic.h"
#include "softpool/xla/forms.h"

namespace softpool {
namespace {

using xla::XlaOp;

std::vector<XlaOp> SoftPoolOperations(const Windows& windows, const std::vector<XlaOp>& inputs,
                                      const Attributes&) {
  const Exponentials a = ExponentialsOf(windows.Of(inputs[0], -kInfinity));
  return {windows.Flat(a.largest + SumOf(a.e * a.distance) / a.total)};
}

std::vector<XlaOp> SoftPoolGradOperations(const Windows& windows, const std::vector<XlaOp>& inputs,
                                          const Attributes& attributes) {
  const Exponentials a = ExponentialsOf(windows.Of(inputs[0], -kInfinity));
  const XlaOp weights = a.e / a.total;
  XlaOp to_x = windows.PerWindow(inputs[1]) * weights;
  if (attributes.String("gradient") == "exact") {
    to_x = to_x * (Number(to_x, 1) + a.distance - SumOf(weights * a.distance));
  }
  return {windows.Sum(to_x)};
}

[[maybe_unused]] const bool kSoftPoolForms[] = {
    RegisterXlaForm("Softpool>SoftPool", SoftPoolOperations),
    RegisterXlaForm("Softpool>SoftPoolGrad", SoftPoolGradOperations),
};

}  // namespace
}  // namespace softpool
