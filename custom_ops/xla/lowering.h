// How a pooling's op becomes part of an XLA program: as a call to its kernel, or, on devices for
// which there is none, as XLA's own operations.
#ifndef TF_SOFTPOOL_XLA_LOWERING_H_
#define TF_SOFTPOOL_XLA_LOWERING_H_

#include "xla/handlers.h"
#include "xla/operations.h"

namespace softpool {

// Makes XLA able to compile an op. `kernel` says where there is a handler of its name.
void RegisterLowering(const char* op, Operations* operations, WithKernel kernel);

}  // namespace softpool

#endif  // TF_SOFTPOOL_XLA_LOWERING_H_
