// What a pooling's mathematics tells the driver, and the tensors that the mathematics works on.
#ifndef SOFTPOOL_ENGINE_POOL_MATH_H_
#define SOFTPOOL_ENGINE_POOL_MATH_H_

#include <array>
#include <cstdint>
#include <limits>
#include <stdexcept>

#include "softpool/engine/op.h"
#include "softpool/engine/tiling.h"

namespace softpool {

// The base of all mathematics. A derived class adds a template `Run(window)`; taps-inl.h says what
// a window offers. Each thread runs a copy of the mathematics.
struct PoolMath {
  // The number of tensors of each sort, as in Tensors.
  static constexpr int kTapInputs = 1, kWindowInputs = 0, kWindowOutputs = 0, kTapOutputs = 0;
  static constexpr int kCyclesPerTap = 1;
  // Whether the mathematics asks for the channels of a window's lanes.
  static constexpr bool kUsesChannels = false;
  // Whether overlapping windows are pooled a block at a time: see block-inl.h.
  static constexpr bool kPoolsBlocks = false;
  // Whether only windows of 2x2 and of 3x3 have code of their own, and no other size that people
  // use does. This halves the time to compile the mathematics.
  static constexpr bool kFewSizes = false;
  // Whether the mathematics asks for a random number for each window. The op must have a seed.
  static constexpr bool kDraws = false;

  // For sums over windows: the driver groups units of work into at most MostBlocks() blocks. From
  // BeginBlock() to EndBlock(), one copy sees all windows of a block, in order. MostBlocks() must
  // not depend on the machine.
  int64_t MostBlocks(int64_t units) const { return units; }
  void BeginBlock() {}
  void EndBlock(int64_t /*index*/) {}
  // EndWindows() is called after at most kMostWindows windows of each of these channels. If the
  // windows of one position are more than that, it is called after each position.
  static constexpr int64_t kMostWindows = std::numeric_limits<int64_t>::max();
  void EndWindows(int64_t /*count*/, Range /*channels*/) {}
  // Called once, after all windows, for the gradients of parameters.
  void Finish(const Call& /*call*/) const {}
};

// The tensors that a pooling reads and writes, in the order of the op's description. `tap_*`
// tensors have a value for every position of the input, `window_*` tensors one for every window.
// The pointer to an absent optional tensor is null. `seed` is the key of random numbers, and
// `draws` has one of them for every window that is visited. Only mathematics that draws has these
// two, and on a GPU each window makes its own number.
template <class T, class Math>
struct Tensors {
  std::array<const T*, Math::kTapInputs> tap_in;
  std::array<const T*, Math::kWindowInputs> window_in;
  std::array<T*, Math::kWindowOutputs> window_out;
  std::array<T*, Math::kTapOutputs> tap_out;
  const int32_t* seed = nullptr;
  const ComputeType<T>* draws = nullptr;
};

// Fills `array` with the data of the tensors that have this role.
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
        "an op's description and its mathematics differ in their number of tensors");
  }
}

template <class T, class Math>
Tensors<T, Math> TensorsOf(const Call& call) {
  Tensors<T, Math> all;
  TensorsWithRole(Role::kTaps, call.op->inputs, call.inputs, &all.tap_in);
  TensorsWithRole(Role::kWindows, call.op->inputs, call.inputs, &all.window_in);
  TensorsWithRole(Role::kWindows, call.op->outputs, call.outputs, &all.window_out);
  TensorsWithRole(Role::kTaps, call.op->outputs, call.outputs, &all.tap_out);
  if constexpr (Math::kDraws) {
    std::array<const int32_t*, 1> seed;
    TensorsWithRole(Role::kSeed, call.op->inputs, call.inputs, &seed);
    all.seed = seed[0];
  }
  return all;
}

// Calls f(gradient, row, rows) for the gradient of each of a call's parameters: it is `rows` rows
// of sums, one sum for each channel. Returns the number of all rows.
template <class F>
int64_t ForEachParameterGradient(const Call& call, const F& f) {
  int64_t row = 0;
  for (size_t i = 0; i < call.outputs.size(); ++i) {
    if (!IsParameter(call.op->outputs[i].role)) continue;
    const bool has_places = call.op->outputs[i].role == Role::kPlaces;
    const int64_t rows = has_places ? call.outputs[i].dims[0] : 1;
    f(call.outputs[i], row, rows);
    row += rows;
  }
  return row;
}

}  // namespace softpool

#endif  // SOFTPOOL_ENGINE_POOL_MATH_H_
