// Registers all ops with XLA as this library is loaded.
#include "xla/handlers.h"
#include "xla/lowering.h"

namespace softpool {
namespace {

struct Op {
  const char* name;
  Operations* operations;
};

constexpr Op kOps[] = {
    {"Softpool>SoftPool", SoftPoolOperations},
    {"Softpool>SoftPoolGrad", SoftPoolGradOperations},
    {"Softpool>SortedPool", SortedPoolOperations},
    {"Softpool>SortedPoolGrad", SortedPoolGradOperations},
    {"Softpool>ImportancePool", ImportancePoolOperations},
    {"Softpool>ImportancePoolGrad", ImportancePoolGradOperations},
    {"Softpool>DetailPreservingPool", DetailPreservingPoolOperations},
    {"Softpool>DetailPreservingPoolGrad", DetailPreservingPoolGradOperations},
};

const bool kKernels = [] {
  const bool kernels = RegisterHandlers();
  for (const Op& op : kOps) RegisterLowering(op.name, op.operations, kernels);
  return kernels;
}();

}  // namespace
}  // namespace softpool

// Whether XLA runs our kernels on the CPU, for Python to read through ctypes.
extern "C" __attribute__((visibility("default"))) bool tf_softpool_xla_kernels() {
  return softpool::kKernels;
}
