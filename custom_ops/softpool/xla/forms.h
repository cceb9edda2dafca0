// Poolings in XLA's own operations, for devices without a kernel. A pooling's folder registers the
// pooling's form. A pooling without a form runs only on devices for which it has a kernel.
#ifndef SOFTPOOL_XLA_FORMS_H_
#define SOFTPOOL_XLA_FORMS_H_

#include <string>
#include <vector>

#include "softpool/engine/op.h"
#include "softpool/xla/windows.h"
#include "xla/hlo/builder/xla_builder.h"

namespace softpool {

// Returns the outputs of an op for its inputs, in the order of the op's description. All shapes
// have been checked, and all inputs have the type that values are computed in. An absent optional
// input is an invalid XlaOp, and the output that belongs to it is left out.
using XlaForm = std::vector<xla::XlaOp> (*)(const Windows& windows,
                                            const std::vector<xla::XlaOp>& inputs,
                                            const Attributes& attributes);

// Registers an op's form while the library is loaded.
SOFTPOOL_EXPORT bool RegisterXlaForm(const std::string& op, XlaForm form);

// Returns null if the op has no form.
XlaForm FindXlaForm(const std::string& op);

}  // namespace softpool

#endif  // SOFTPOOL_XLA_FORMS_H_
