// What SoftPool's ops read, write and are told.
#include "softpool/engine/op.h"

namespace softpool {
namespace {

const AttributeSpec kGradient = {"gradient", "{'exact', 'weights'} = 'exact'",
                                 "Whether the derivative is sent back, or the weights alone."};

[[maybe_unused]] const bool kRegistered[] = {
    RegisterOp({"Softpool>SoftPool",
                "The average of each window, weighed by the softmax of the window's own values.",
                {{"input", Role::kTaps,
                  "[batch, *spatial, channels], or [batch, channels, *spatial] for NCHW."}},
                {{"output", Role::kWindows, "One value for each window."}},
                {kGradient}}),
    RegisterOp({"Softpool>SoftPoolGrad",
                "What Softpool>SoftPool sends back to its input.",
                {{"orig_input", Role::kTaps, "The input of the pooling."},
                 {"grad", Role::kWindows, "The gradient of its output."}},
                {{"output", Role::kTaps, "The gradient of its input."}},
                {kGradient}}),
};

}  // namespace
}  // namespace softpool
