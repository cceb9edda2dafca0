// The ops of importance pooling: their inputs and outputs.
#include "softpool/engine/op.h"

namespace softpool {
namespace {

[[maybe_unused]] const bool kRegistered[] = {
    RegisterOp({"Softpool>ImportancePool",
                "The average of each window, weighted by the softmax of logits.",
                {{"input", Role::kTaps,
                  "[batch, *spatial, channels], or [batch, channels, *spatial] for NCHW."},
                 {"logits", Role::kTaps, "A logit for each value, shaped like input."}},
                {{"output", Role::kWindows, "One value for each window."}},
                {}}),
    RegisterOp({"Softpool>ImportancePoolGrad",
                "The gradients of Softpool>ImportancePool.",
                {{"orig_input", Role::kTaps, "The input of the pooling."},
                 {"logits", Role::kTaps, "The pooling's logits."},
                 {"grad", Role::kWindows, "The gradient of the pooling's output."}},
                {{"output", Role::kTaps, "The gradient of the pooling's input."},
                 {"logits_grad", Role::kTaps, "The gradient of the pooling's logits."}},
                {}}),
};

}  // namespace
}  // namespace softpool
