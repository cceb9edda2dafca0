// Poolings in XLA's own operations, for devices without a kernel. A pooling's folder registers its
// own; one that does not runs only where it has a kernel.
#ifndef SOFTPOOL_XLA_FORMS_H_
#define SOFTPOOL_XLA_FORMS_H_

#include <string>
#include <vector>

#include "softpool/engine/op.h"
#include "softpool/xla/windows.h"
#include "xla/hlo/builder/xla_builder.h"

namespace softpool {

// The outputs of an op for its inputs, in the order of its description. Shapes were checked, and
// all inputs have the type that values are computed in. An optional input that is absent is no
// valid operation; the output that goes with it is left out.
using XlaForm = std::vector<xla::XlaOp> (*)(const Windows& windows,
                                            const std::vector<xla::XlaOp>& inputs,
                                            const Attributes& attributes);

// Registration, while the library is loaded.
SOFTPOOL_EXPORT bool RegisterXlaForm(const std::string& op, XlaForm form);

// Null where there is none.
XlaForm FindXlaForm(const std::string& op);

}  // namespace softpool

#endif  // SOFTPOOL_XLA_FORMS_H_
