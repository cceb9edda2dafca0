// The kernels as handlers of XLA's foreign function interface, under the names of the ops.
#ifndef TF_SOFTPOOL_XLA_HANDLERS_H_
#define TF_SOFTPOOL_XLA_HANDLERS_H_

namespace softpool {

// Registers all handlers for programs on the CPU. Returns whether XLA took them.
bool RegisterHandlers();

}  // namespace softpool

#endif  // TF_SOFTPOOL_XLA_HANDLERS_H_
