// The handlers of our kernels, made known to the XLA of a TensorFlow.
#ifndef SOFTPOOL_XLA_REGISTRATION_H_
#define SOFTPOOL_XLA_REGISTRATION_H_

#include <string>

namespace softpool {

// The devices on which programs call an op's kernel.
struct WithKernel {
  bool on_cpu, on_cuda;
};

// Registers handlers under the op's name, so that programs call the op's kernels. Returns on which
// devices XLA accepted them.
WithKernel RegisterHandlers(const std::string& op);

}  // namespace softpool

#endif  // SOFTPOOL_XLA_REGISTRATION_H_
