// What a pooling's mathematics tells the driver, and the tensors that it works on.
#ifndef SOFTPOOL_ENGINE_POOL_MATH_H_
#define SOFTPOOL_ENGINE_POOL_MATH_H_

#include <array>
#include <cstdint>
#include <limits>
#include <stdexcept>

#include "softpool/engine/op.h"
#include "softpool/engine/tiling.h"

namespace softpool {

// The base of all mathematics, which has a template `Run(window)` besides: see taps-inl.h for what
// a window offers. Each thread runs a copy.
struct PoolMath {
  // How many tensors there are of each sort: see Tensors.
  static constexpr int kTapInputs = 1, kWindowInputs = 0, kWindowOutputs = 0, kTapOutputs = 0;
  static constexpr int kCyclesPerTap = 1;
  // Whether a window's lanes are asked for their channels.
  static constexpr bool kUsesChannels = false;

  // For sums over windows: units of work are put together into at most so many blocks, between
  // whose beginning and end one copy sees all of a block's windows, in order. It must not depend on
  // the machine.
  int64_t MostBlocks(int64_t units) const { return units; }
  void BeginBlock() {}
  void EndBlock(int64_t /*index*/) {}
  // Called after some windows of these channels, never more than kMostWindows of each channel, give
  // or take those of one position.
  static constexpr int64_t kMostWindows = std::numeric_limits<int64_t>::max();
  void EndWindows(int64_t /*count*/, Range /*channels*/) {}
  // Called once, after all windows, for the gradients of parameters.
  void Finish(const Call& /*call*/) const {}
};

// The tensors that a pooling reads and writes, in the order of the op's description: `tap_*` have a
// value for every position of the input, `window_*` one for every window. One is null where an
// optional tensor is absent.
template <class T, class Math>
struct Tensors {
  std::array<const T*, Math::kTapInputs> tap_in;
  std::array<const T*, Math::kWindowInputs> window_in;
  std::array<T*, Math::kWindowOutputs> window_out;
  std::array<T*, Math::kTapOutputs> tap_out;
};

// Those of `tensors` that have a role.
template <class Array>
void TensorsWithRole(Role role, const std::vector<TensorSpec>& specs,
                     const std::vector<Tensor>& tensors, Array* array) {
  size_t count = 0;
  for (size_t i = 0; i < specs.size(); ++i) {
    if (specs[i].role != role) continue;
    if (count < array->size()) {
      (*array)[count] = static_cast<typename Array::value_type>(tensors[i].data);
    }
    ++count;
  }
  if (count != array->size()) {
    throw std::logic_error(
        "an op's description has another number of tensors than its mathematics");
  }
}

template <class T, class Math>
Tensors<T, Math> TensorsOf(const Call& call) {
  Tensors<T, Math> all;
  TensorsWithRole(Role::kTaps, call.op->inputs, call.inputs, &all.tap_in);
  TensorsWithRole(Role::kWindows, call.op->inputs, call.inputs, &all.window_in);
  TensorsWithRole(Role::kWindows, call.op->outputs, call.outputs, &all.window_out);
  TensorsWithRole(Role::kTaps, call.op->outputs, call.outputs, &all.tap_out);
  return all;
}

}  // namespace softpool

#endif  // SOFTPOOL_ENGINE_POOL_MATH_H_
