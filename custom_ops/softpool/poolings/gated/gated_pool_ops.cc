// The ops of gated pooling: their inputs and outputs.
#include "softpool/engine/op.h"

namespace softpool {
namespace {

[[maybe_unused]] const bool kRegistered[] = {
    RegisterOp({"Softpool>GatedPool",
                "A mixture of each window's maximum and mean, with mix = sigmoid(sum_i omega_i a_i "
                "+ bias).",
                {{"input", Role::kTaps,
                  "[batch, *spatial, channels], or [batch, channels, *spatial] for NCHW."},
                 {"omega", Role::kPlaces,
                  "[places, channels]. A weight for each place of a window. Double if input is "
                  "double, else float."},
                 {"bias", Role::kChannels, "[channels]. The same type."}},
                {{"output", Role::kWindows, "One value for each window."}},
                {}}),
    RegisterOp({"Softpool>GatedPoolGrad",
                "The gradients of Softpool>GatedPool.",
                {{"orig_input", Role::kTaps, "The input of the pooling."},
                 {"omega", Role::kPlaces, "The pooling's omega."},
                 {"bias", Role::kChannels, "The pooling's bias."},
                 {"grad", Role::kWindows, "The gradient of the pooling's output."}},
                {{"output", Role::kTaps, "The gradient of the pooling's input."},
                 {"omega_grad", Role::kPlaces, "The gradient of omega."},
                 {"bias_grad", Role::kChannels, "The gradient of the bias."}},
                {}}),
};

}  // namespace
}  // namespace softpool
