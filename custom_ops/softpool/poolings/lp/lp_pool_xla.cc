// Learned-norm pooling, built from XLA's operations.
#include "softpool/xla/forms.h"
#include "softpool/xla/norm.h"

namespace softpool {
namespace {

using xla::XlaOp;

std::vector<XlaOp> LpPoolOperations(const Windows& windows, const std::vector<XlaOp>& inputs,
                                    const Attributes&) {
  const Numbers numbers(windows, inputs[0]);
  const Norm norm(numbers, windows.Parameter(inputs[1], true), /*is_mean=*/true);
  return {windows.Flat(numbers.Result(norm.y))};
}

std::vector<XlaOp> LpPoolGradOperations(const Windows& windows, const std::vector<XlaOp>& inputs,
                                        const Attributes&) {
  const Numbers numbers(windows, inputs[0]);
  const Norm norm(numbers, windows.Parameter(inputs[1], true), /*is_mean=*/true);
  const XlaOp g = windows.PerWindow(inputs[2]);
  return {windows.Sum(numbers.OfTap(g * norm.slope)),
          windows.ParameterSum(numbers.OfWindow(g * norm.to_p), inputs[1], true)};
}

[[maybe_unused]] const bool kLpPoolForms[] = {
    RegisterXlaForm("Softpool>LpPool", LpPoolOperations),
    RegisterXlaForm("Softpool>LpPoolGrad", LpPoolGradOperations),
};

}  // namespace
}  // namespace softpool
