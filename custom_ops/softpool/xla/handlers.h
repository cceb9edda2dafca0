// The ops' kernels as handlers of XLA's foreign function interface.
#ifndef SOFTPOOL_XLA_HANDLERS_H_
#define SOFTPOOL_XLA_HANDLERS_H_

#include <string>

namespace softpool {

// The attribute by which a program's call says which op it is, and finds its kernel.
inline constexpr char kOpAttribute[] = "softpool_op";

// On which devices programs call a kernel.
struct WithKernel {
  bool on_cpu, on_cuda;
};

// Makes programs call the kernels of an op by its name. Returns which of them XLA took.
WithKernel RegisterHandlers(const std::string& op);

}  // namespace softpool

#endif  // SOFTPOOL_XLA_HANDLERS_H_
