// The kernels as handlers of XLA's foreign function interface, one for each op.
#ifndef TF_SOFTPOOL_XLA_HANDLERS_H_
#define TF_SOFTPOOL_XLA_HANDLERS_H_

#include "xla/ffi/api/c_api.h"

namespace softpool {

XLA_FFI_Handler SoftPoolHandler, SoftPoolGradHandler;
XLA_FFI_Handler SortedPoolHandler, SortedPoolGradHandler;
XLA_FFI_Handler ImportancePoolHandler, ImportancePoolGradHandler;
XLA_FFI_Handler DetailPreservingPoolHandler, DetailPreservingPoolGradHandler;

// Makes programs on the CPU call a handler by the name of its op. Returns whether XLA took it.
bool RegisterHandler(const char* op, XLA_FFI_Handler* handler);

}  // namespace softpool

#endif  // TF_SOFTPOOL_XLA_HANDLERS_H_
