// Sum pooling, built from XLA's operations.
#include "softpool/xla/forms.h"
#include "softpool/xla/numbers.h"

namespace softpool {
namespace {

using xla::XlaOp;

std::vector<XlaOp> SumPoolOperations(const Windows& windows, const std::vector<XlaOp>& inputs,
                                     const Attributes&) {
  const Numbers numbers(windows, inputs[0]);
  return {windows.Flat(numbers.Result(numbers.total))};
}

std::vector<XlaOp> SumPoolGradOperations(const Windows& windows, const std::vector<XlaOp>& inputs,
                                         const Attributes&) {
  const Numbers numbers(windows, inputs[0]);
  return {windows.Sum(numbers.OfTap(windows.PerWindow(inputs[1])))};
}

[[maybe_unused]] const bool kSumPoolForms[] = {
    RegisterXlaForm("Softpool>SumPool", SumPoolOperations),
    RegisterXlaForm("Softpool>SumPoolGrad", SumPoolGradOperations),
};

}  // namespace
}  // namespace softpool
