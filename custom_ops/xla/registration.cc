// Registers all ops with XLA as this library is loaded.
#include "xla/handlers.h"
#include "xla/lowering.h"

namespace softpool {
namespace {

struct Op {
  const char* name;
  const Handlers* handlers;
  Operations* operations;
};

constexpr Op kOps[] = {
    {"Softpool>SoftPool", &kSoftPoolHandlers, SoftPoolOperations},
    {"Softpool>SoftPoolGrad", &kSoftPoolGradHandlers, SoftPoolGradOperations},
    {"Softpool>SortedPool", &kSortedPoolHandlers, SortedPoolOperations},
    {"Softpool>SortedPoolGrad", &kSortedPoolGradHandlers, SortedPoolGradOperations},
    {"Softpool>ImportancePool", &kImportancePoolHandlers, ImportancePoolOperations},
    {"Softpool>ImportancePoolGrad", &kImportancePoolGradHandlers, ImportancePoolGradOperations},
    {"Softpool>DetailPreservingPool", &kDetailPreservingPoolHandlers,
     DetailPreservingPoolOperations},
    {"Softpool>DetailPreservingPoolGrad", &kDetailPreservingPoolGradHandlers,
     DetailPreservingPoolGradOperations},
};

// Where all ops have kernels.
const WithKernel kKernels = [] {
  WithKernel all{true, true};
  for (const Op& op : kOps) {
    const WithKernel kernel = RegisterHandlers(op.name, *op.handlers);
    RegisterLowering(op.name, op.operations, kernel);
    all = {all.on_cpu && kernel.on_cpu, all.on_cuda && kernel.on_cuda};
  }
  return all;
}();

}  // namespace
}  // namespace softpool

// Whether XLA runs our kernels on the CPU, for Python to read through ctypes.
extern "C" __attribute__((visibility("default"))) bool tf_softpool_xla_kernels() {
  return softpool::kKernels.on_cpu;
}

// Whether it runs our CUDA kernels on a GPU.
extern "C" __attribute__((visibility("default"))) bool tf_softpool_xla_cuda_kernels() {
  return softpool::kKernels.on_cuda;
}
