// The kernels as handlers of XLA's foreign function interface, for each op.
#ifndef TF_SOFTPOOL_XLA_HANDLERS_H_
#define TF_SOFTPOOL_XLA_HANDLERS_H_

#include "xla/ffi/api/c_api.h"

namespace softpool {

struct Handlers {
  XLA_FFI_Handler* on_cpu;
  XLA_FFI_Handler* on_cuda;  // null where there are no CUDA kernels
};

extern const Handlers kSoftPoolHandlers, kSoftPoolGradHandlers;
extern const Handlers kSortedPoolHandlers, kSortedPoolGradHandlers;
extern const Handlers kImportancePoolHandlers, kImportancePoolGradHandlers;
extern const Handlers kDetailPreservingPoolHandlers, kDetailPreservingPoolGradHandlers;

// On which devices programs call a kernel.
struct WithKernel {
  bool on_cpu, on_cuda;
};

// Makes programs call handlers by the name of their op. Returns which of them XLA took.
WithKernel RegisterHandlers(const char* op, const Handlers& handlers);

}  // namespace softpool

#endif  // TF_SOFTPOOL_XLA_HANDLERS_H_
