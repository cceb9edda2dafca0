// The tensors that a pooling reads and writes.
#ifndef TF_SOFTPOOL_KERNELS_TENSORS_H_
#define TF_SOFTPOOL_KERNELS_TENSORS_H_

#include <array>

namespace softpool {

// A pooling's mathematics says how many it has of each: `tap_*` are shaped like the input, with a
// value for every tap, `window_*` like the output, with a value for every window.
template <class T, class Math>
struct Tensors {
  std::array<const T*, Math::kTapInputs> tap_in;
  std::array<const T*, Math::kWindowInputs> window_in;
  std::array<T*, Math::kWindowOutputs> window_out;
  std::array<T*, Math::kTapOutputs> tap_out;
};

}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_TENSORS_H_
