// The learned guide of detail-preserving pooling, built from XLA's operations.
#include "softpool/xla/arithmetic.h"
#include "softpool/xla/forms.h"

namespace softpool {
namespace {

using xla::XlaOp;

// The values around the windows' centres, with zeros at positions without a finite value.
struct Around {
  XlaOp values, present, factor, kernel;

  Around(const Windows& windows, const std::vector<XlaOp>& inputs) {
    const XlaOp a = windows.Of(inputs[0], -kInfinity);
    kernel = windows.Parameter(inputs[1], true);
    present = xla::Not(Equals(xla::Abs(a), kInfinity));
    values = Where(present, a, 0.0);
    const XlaOp count = SumOf(Where(present, 1.0, Number(a, 0)));
    const auto places = static_cast<double>(ShapeOf(kernel).dimensions(0));
    factor = Number(a, places) / OneForZero(count);
  }
};

std::vector<XlaOp> LearnedGuideOperations(const Windows& windows, const std::vector<XlaOp>& inputs,
                                          const Attributes&) {
  const Around around(windows, inputs);
  return {windows.Flat(TotalOfProducts(around.kernel, around.values) * around.factor)};
}

std::vector<XlaOp> LearnedGuideGradOperations(const Windows& windows,
                                              const std::vector<XlaOp>& inputs, const Attributes&) {
  const Around around(windows, inputs);
  const XlaOp g = windows.PerWindow(inputs[2]) * around.factor;
  return {windows.Sum(Where(around.present, g * around.kernel, 0.0)),
          windows.ParameterSum(g * around.values, inputs[1], true)};
}

[[maybe_unused]] const bool kLearnedGuideForms[] = {
    RegisterXlaForm("Softpool>LearnedGuide", LearnedGuideOperations),
    RegisterXlaForm("Softpool>LearnedGuideGrad", LearnedGuideGradOperations),
};

}  // namespace
}  // namespace softpool
