// What each op computes, in XLA's own operations, for devices without a kernel.
#ifndef TF_SOFTPOOL_XLA_OPERATIONS_H_
#define TF_SOFTPOOL_XLA_OPERATIONS_H_

#include <vector>

#include "tensorflow/core/framework/node_def_util.h"
#include "xla/hlo/builder/xla_builder.h"
#include "xla/windows.h"

namespace softpool {

// The outputs of an op for its inputs, of which the shapes were checked, and all of which have the
// type that values are computed in.
using Operations = std::vector<xla::XlaOp>(const Windows& windows,
                                           const std::vector<xla::XlaOp>& inputs,
                                           const tensorflow::AttrSlice& attributes);

Operations SoftPoolOperations, SoftPoolGradOperations;
Operations SortedPoolOperations, SortedPoolGradOperations;
Operations ImportancePoolOperations, ImportancePoolGradOperations;
Operations DetailPreservingPoolOperations, DetailPreservingPoolGradOperations;

}  // namespace softpool

#endif  // TF_SOFTPOOL_XLA_OPERATIONS_H_
