// What importance pooling's ops read, write and are told.
#include "softpool/engine/op.h"

namespace softpool {
namespace {

[[maybe_unused]] const bool kRegistered[] = {
    RegisterOp({"Softpool>ImportancePool",
                "The average of each window, weighed by the softmax of logits.",
                {{"input", Role::kTaps,
                  "[batch, *spatial, channels], or [batch, channels, *spatial] for NCHW."},
                 {"logits", Role::kTaps, "A logit for each value, shaped like input."}},
                {{"output", Role::kWindows, "One value for each window."}},
                {}}),
    RegisterOp({"Softpool>ImportancePoolGrad",
                "What Softpool>ImportancePool sends back to its inputs.",
                {{"orig_input", Role::kTaps, "The input of the pooling."},
                 {"logits", Role::kTaps, "Its logits."},
                 {"grad", Role::kWindows, "The gradient of its output."}},
                {{"output", Role::kTaps, "The gradient of its input."},
                 {"logits_grad", Role::kTaps, "The gradient of its logits."}},
                {}}),
};

}  // namespace
}  // namespace softpool
