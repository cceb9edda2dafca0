// The ops of SoftPool: their inputs, outputs and attributes.
#include "softpool/engine/op.h"

namespace softpool {
namespace {

const AttributeSpec kGradient = {
    "gradient", "{'exact', 'weights'} = 'exact'",
    "With 'exact', the gradient uses the derivative of the output. With 'weights', it "
    "uses the weights alone."};

[[maybe_unused]] const bool kRegistered[] = {
    RegisterOp({"Softpool>SoftPool",
                "The average of each window, weighted by the softmax of the window's own values.",
                {{"input", Role::kTaps,
                  "[batch, *spatial, channels], or [batch, channels, *spatial] for NCHW."}},
                {{"output", Role::kWindows, "One value for each window."}},
                {kGradient}}),
    RegisterOp({"Softpool>SoftPoolGrad",
                "The gradient of Softpool>SoftPool.",
                {{"orig_input", Role::kTaps, "The input of the pooling."},
                 {"grad", Role::kWindows, "The gradient of the pooling's output."}},
                {{"output", Role::kTaps, "The gradient of the pooling's input."}},
                {kGradient}}),
};

}  // namespace
}  // namespace softpool
