// The ops' kernels as handlers of XLA's foreign function interface.
#ifndef SOFTPOOL_XLA_HANDLERS_H_
#define SOFTPOOL_XLA_HANDLERS_H_

#include <string>

namespace softpool {

// The attribute in which a program's call names its op, so that the handler finds the op's kernel.
inline constexpr char kOpAttribute[] = "softpool_op";

// The devices on which programs call an op's kernel.
struct WithKernel {
  bool on_cpu, on_cuda;
};

// Registers handlers under the op's name, so that programs call the op's kernels. Returns on which
// devices XLA accepted them.
WithKernel RegisterHandlers(const std::string& op);

}  // namespace softpool

#endif  // SOFTPOOL_XLA_HANDLERS_H_
