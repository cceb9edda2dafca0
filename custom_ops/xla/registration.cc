// Registers all ops with XLA as this library is loaded.
#include "xla/handlers.h"
#include "xla/lowering.h"

namespace softpool {
namespace {

struct Op {
  const char* name;
  XLA_FFI_Handler* handler;
  Operations* operations;
};

constexpr Op kOps[] = {
    {"Softpool>SoftPool", SoftPoolHandler, SoftPoolOperations},
    {"Softpool>SoftPoolGrad", SoftPoolGradHandler, SoftPoolGradOperations},
    {"Softpool>SortedPool", SortedPoolHandler, SortedPoolOperations},
    {"Softpool>SortedPoolGrad", SortedPoolGradHandler, SortedPoolGradOperations},
    {"Softpool>ImportancePool", ImportancePoolHandler, ImportancePoolOperations},
    {"Softpool>ImportancePoolGrad", ImportancePoolGradHandler, ImportancePoolGradOperations},
    {"Softpool>DetailPreservingPool", DetailPreservingPoolHandler, DetailPreservingPoolOperations},
    {"Softpool>DetailPreservingPoolGrad", DetailPreservingPoolGradHandler,
     DetailPreservingPoolGradOperations},
};

const bool kKernels = [] {
  bool all = true;
  for (const Op& op : kOps) {
    const bool kernel = RegisterHandler(op.name, op.handler);
    RegisterLowering(op.name, op.operations, kernel);
    all = all && kernel;
  }
  return all;
}();

}  // namespace
}  // namespace softpool

// Whether XLA runs our kernels on the CPU, for Python to read through ctypes.
extern "C" __attribute__((visibility("default"))) bool tf_softpool_xla_kernels() {
  return softpool::kKernels;
}
