// Stochastic pooling, built from XLA's operations.
#include <array>

#include "softpool/engine/philox.h"
#include "softpool/xla/forms.h"
#include "softpool/xla/numbers.h"
#include "xla/hlo/builder/lib/constants.h"
#include "xla/hlo/builder/lib/slicing.h"

namespace softpool {
namespace {

using xla::XlaOp;

// Returns a random number for each window, the same that kernels draw: see engine/philox.h.
// `like` has one value for each window.
XlaOp DrawsOf(XlaOp seed, XlaOp like) {
  const xla::Shape shape = ShapeOf(like);
  xla::XlaBuilder* const builder = like.builder();
  const auto number = [&](uint64_t n) { return xla::ConstantR0<uint64_t>(builder, n); };
  const XlaOp word = number(0xFFFFFFFF);
  const auto high = [&](XlaOp a) { return xla::ShiftRightLogical(a, number(32)); };
  const auto key_at = [&](int64_t i) {
    const XlaOp one = xla::Reshape(xla::SliceInMinorDims(seed, {i}, {i + 1}), {});
    return xla::ConvertElementType(xla::BitcastConvertType(one, xla::U32), xla::U64);
  };
  XlaOp key0 = key_at(0), key1 = key_at(1);
  const xla::Shape flat = xla::ShapeUtil::MakeShape(xla::U64, {xla::ShapeUtil::ElementsIn(shape)});
  const XlaOp index = xla::Iota(builder, flat, 0);
  const XlaOp block = index / number(4), rest = xla::Rem(index, number(4));
  std::array<XlaOp, 4> c = {xla::And(block, word), high(block), xla::ZerosLike(block),
                            xla::ZerosLike(block)};
  for (int i = 0; i < Philox::kRounds; ++i) {
    const XlaOp p0 = c[0] * number(Philox::kFactor0), p1 = c[2] * number(Philox::kFactor1);
    c = {xla::Xor(xla::Xor(high(p1), c[1]), key0), xla::And(p1, word),
         xla::Xor(xla::Xor(high(p0), c[3]), key1), xla::And(p0, word)};
    key0 = xla::And(key0 + number(Philox::kStep0), word);
    key1 = xla::And(key1 + number(Philox::kStep1), word);
  }
  XlaOp chosen = c[0];
  for (uint64_t i = 1; i < 4; ++i) chosen = Where(xla::Eq(rest, number(i)), c[i], chosen);
  const XlaOp uniform =
      xla::ConvertElementType(xla::And(chosen, number(0x7FFFFF)), shape.element_type());
  const XlaOp scaled = uniform * Number(like, 0x1p-23);
  return xla::Reshape(scaled, shape.dimensions());
}

struct DrawWeightsOf {
  XlaOp weights, largest, some;

  explicit DrawWeightsOf(const Numbers& numbers) {
    const XlaOp positive = Where(Exceeds(numbers.values, 0), numbers.values, 0.0);
    const XlaOp most = LargestOf(positive);
    some = Exceeds(most, 0);
    largest = Where(some, most, 1.0);
    const XlaOp ones = Where(numbers.present, 1.0, Number(positive, 0));
    weights = Where(some, positive / largest, ones);
  }
};

// Returns a mask of the drawn positions.
XlaOp DrawnOf(const Numbers& numbers, XlaOp seed) {
  const DrawWeightsOf of(numbers);
  const int64_t taps = ShapeOf(of.weights).dimensions(0);
  const XlaOp likely = Exceeds(of.weights, 0);
  const XlaOp total = SumOf(of.weights);
  const XlaOp threshold = DrawsOf(seed, total) * total;
  XlaOp until = Number(total, 0), found = Exceeds(Number(total, 0) * total, 0);
  std::vector<XlaOp> drawn;
  for (int64_t i = 0; i < taps; ++i) {
    until = until + xla::SliceInDim(of.weights, i, i + 1, 1, 0);
    const XlaOp above =
        xla::And(xla::SliceInDim(likely, i, i + 1, 1, 0), xla::Gt(until, threshold));
    drawn.push_back(xla::And(above, xla::Not(found)));
    found = xla::Or(found, above);
  }
  return xla::ConcatInDim(seed.builder(), drawn, 0);
}

std::vector<XlaOp> StochasticPoolOperations(const Windows& windows,
                                            const std::vector<XlaOp>& inputs, const Attributes&) {
  const Numbers numbers(windows, inputs[0]);
  if (inputs[1].valid()) {
    const XlaOp y = SumOf(Where(DrawnOf(numbers, inputs[1]), numbers.values, 0.0));
    return {windows.Flat(numbers.Result(y))};
  }
  const DrawWeightsOf of(numbers);
  const XlaOp ratio = SumOf(of.weights * of.weights) / OneForZero(SumOf(of.weights));
  return {windows.Flat(numbers.Result(Where(of.some, of.largest * ratio, numbers.mean)))};
}

std::vector<XlaOp> StochasticPoolGradOperations(const Windows& windows,
                                                const std::vector<XlaOp>& inputs,
                                                const Attributes&) {
  const Numbers numbers(windows, inputs[0]);
  const XlaOp g = windows.PerWindow(inputs[2]);
  if (inputs[1].valid()) {
    const XlaOp to_x = Where(DrawnOf(numbers, inputs[1]), g, 0.0);
    return {windows.Sum(numbers.OfTap(to_x))};
  }
  const DrawWeightsOf of(numbers);
  const XlaOp total = OneForZero(SumOf(of.weights));
  const XlaOp ratio = SumOf(of.weights * of.weights) / total, share = g / total;
  XlaOp to_x = share * (Number(share, 2) * of.weights - ratio);
  // The weight of a positive value may be rounded to zero.
  to_x = Where(Exceeds(numbers.values, 0), to_x, 0.0);
  return {windows.Sum(numbers.OfTap(Where(of.some, to_x, share)))};
}

[[maybe_unused]] const bool kStochasticPoolForms[] = {
    RegisterXlaForm("Softpool>StochasticPool", StochasticPoolOperations),
    RegisterXlaForm("Softpool>StochasticPoolGrad", StochasticPoolGradOperations),
};

}  // namespace
}  // namespace softpool
