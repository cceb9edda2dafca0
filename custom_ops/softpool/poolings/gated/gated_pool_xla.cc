// Gated pooling, built from XLA's operations.
#include "softpool/xla/forms.h"
#include "softpool/xla/numbers.h"

namespace softpool {
namespace {

using xla::XlaOp;

// Returns each window's mix.
XlaOp GateOf(const Windows& windows, const Numbers& numbers, const std::vector<XlaOp>& inputs) {
  const XlaOp omega = windows.Parameter(inputs[1], true), bias = windows.Parameter(inputs[2], true);
  return xla::Logistic(TotalOfProducts(omega, numbers.values) + bias);
}

std::vector<XlaOp> GatedPoolOperations(const Windows& windows, const std::vector<XlaOp>& inputs,
                                       const Attributes&) {
  const Numbers numbers(windows, inputs[0]);
  const XlaOp mix = GateOf(windows, numbers, inputs);
  const XlaOp y = mix * numbers.largest + (Number(mix, 1) - mix) * numbers.mean;
  return {windows.Flat(numbers.Result(y))};
}

std::vector<XlaOp> GatedPoolGradOperations(const Windows& windows, const std::vector<XlaOp>& inputs,
                                           const Attributes&) {
  const Numbers numbers(windows, inputs[0]);
  const XlaOp mix = GateOf(windows, numbers, inputs), rest = Number(mix, 1) - mix;
  const XlaOp g = windows.PerWindow(inputs[3]);
  const XlaOp to_z = numbers.OfWindow(g * numbers.TimesDistance(mix * rest));
  XlaOp to_x = g * rest / numbers.count + g * mix * numbers.share_of_largest;
  to_x = to_x + to_z * windows.Parameter(inputs[1], true);
  return {windows.Sum(numbers.OfTap(to_x)),
          windows.ParameterSum(to_z * numbers.values, inputs[1], true),
          windows.ParameterSum(to_z, inputs[2], true)};
}

[[maybe_unused]] const bool kGatedPoolForms[] = {
    RegisterXlaForm("Softpool>GatedPool", GatedPoolOperations),
    RegisterXlaForm("Softpool>GatedPoolGrad", GatedPoolGradOperations),
};

}  // namespace
}  // namespace softpool
