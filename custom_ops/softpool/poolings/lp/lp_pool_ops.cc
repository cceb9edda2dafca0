// The ops of learned-norm pooling: their inputs and outputs.
#include "softpool/engine/op.h"

namespace softpool {
namespace {

[[maybe_unused]] const bool kRegistered[] = {
    RegisterOp({"Softpool>LpPool",
                "The norm (mean_i |a_i|^p)^(1/p) of each window.",
                {{"input", Role::kTaps,
                  "[batch, *spatial, channels], or [batch, channels, *spatial] for NCHW."},
                 {"p", Role::kChannels,
                  "[channels]. The exponents, at least 1. Double if input is double, else float."}},
                {{"output", Role::kWindows, "One value for each window."}},
                {}}),
    RegisterOp({"Softpool>LpPoolGrad",
                "The gradients of Softpool>LpPool.",
                {{"orig_input", Role::kTaps, "The input of the pooling."},
                 {"p", Role::kChannels, "The pooling's exponents."},
                 {"grad", Role::kWindows, "The gradient of the pooling's output."}},
                {{"output", Role::kTaps, "The gradient of the pooling's input."},
                 {"p_grad", Role::kChannels, "The gradient of the exponents."}},
                {}}),
};

}  // namespace
}  // namespace softpool
