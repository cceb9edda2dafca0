// Mixed pooling, built from XLA's operations.
#include "softpool/xla/forms.h"
#include "softpool/xla/numbers.h"

namespace softpool {
namespace {

using xla::XlaOp;

std::vector<XlaOp> MixedPoolOperations(const Windows& windows, const std::vector<XlaOp>& inputs,
                                       const Attributes&) {
  const Numbers numbers(windows, inputs[0]);
  const XlaOp mix = windows.Parameter(inputs[1], true);
  const XlaOp y = mix * numbers.largest + (Number(mix, 1) - mix) * numbers.mean;
  return {windows.Flat(numbers.Result(y))};
}

std::vector<XlaOp> MixedPoolGradOperations(const Windows& windows, const std::vector<XlaOp>& inputs,
                                           const Attributes&) {
  const Numbers numbers(windows, inputs[0]);
  const XlaOp mix = windows.Parameter(inputs[1], true), g = windows.PerWindow(inputs[2]);
  const XlaOp to_mean = g * (Number(mix, 1) - mix) / numbers.count;
  const XlaOp to_x = to_mean + g * mix * numbers.share_of_largest;
  const XlaOp to_mix = numbers.OfWindow(numbers.TimesDistance(g));
  return {windows.Sum(numbers.OfTap(to_x)), windows.ParameterSum(to_mix, inputs[1], true)};
}

[[maybe_unused]] const bool kMixedPoolForms[] = {
    RegisterXlaForm("Softpool>MixedPool", MixedPoolOperations),
    RegisterXlaForm("Softpool>MixedPoolGrad", MixedPoolGradOperations),
};

}  // namespace
}  // namespace softpool
