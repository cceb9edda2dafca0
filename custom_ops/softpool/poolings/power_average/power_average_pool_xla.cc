// Power-average pooling, built from XLA's operations.
#include "softpool/xla/forms.h"
#include "softpool/xla/norm.h"

namespace softpool {
namespace {

using xla::XlaOp;

std::vector<XlaOp> PowerAveragePoolOperations(const Windows& windows,
                                              const std::vector<XlaOp>& inputs, const Attributes&) {
  const Numbers numbers(windows, inputs[0]);
  const Norm norm(numbers, windows.Parameter(inputs[1], true), /*is_mean=*/false);
  return {windows.Flat(numbers.Result(norm.y))};
}

std::vector<XlaOp> PowerAveragePoolGradOperations(const Windows& windows,
                                                  const std::vector<XlaOp>& inputs,
                                                  const Attributes&) {
  const Numbers numbers(windows, inputs[0]);
  const Norm norm(numbers, windows.Parameter(inputs[1], true), /*is_mean=*/false);
  return {windows.Sum(numbers.OfTap(windows.PerWindow(inputs[2]) * norm.slope))};
}

[[maybe_unused]] const bool kPowerAveragePoolForms[] = {
    RegisterXlaForm("Softpool>PowerAveragePool", PowerAveragePoolOperations),
    RegisterXlaForm("Softpool>PowerAveragePoolGrad", PowerAveragePoolGradOperations),
};

}  // namespace
}  // namespace softpool
