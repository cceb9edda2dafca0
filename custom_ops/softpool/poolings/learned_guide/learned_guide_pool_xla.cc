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
  // A product with the factor may be beyond the type's range, and its product with a kernel inside.
  XlaOp g = windows.PerWindow(inputs[2]);
  const XlaOp product = g * around.factor, fits = xla::IsFinite(product);
  const XlaOp rest = Where(fits, 1.0, around.factor);
  g = Where(fits, product, g);
  return {windows.Sum(Where(around.present, g * around.kernel * rest, 0.0)),
          windows.ParameterSum(g * around.values * rest, inputs[1], true)};
}

[[maybe_unused]] const bool kLearnedGuideForms[] = {
    RegisterXlaForm("Softpool>LearnedGuide", LearnedGuideOperations),
    RegisterXlaForm("Softpool>LearnedGuideGrad", LearnedGuideGradOperations),
};

}  // namespace
}  // namespace softpool
