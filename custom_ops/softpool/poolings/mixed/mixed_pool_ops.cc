// The ops of mixed pooling: their inputs and outputs.
#include "softpool/engine/op.h"

namespace softpool {
namespace {

[[maybe_unused]] const bool kRegistered[] = {
    RegisterOp({"Softpool>MixedPool",
                "A mixture of each window's maximum and mean: mix max + (1 - mix) mean.",
                {{"input", Role::kTaps,
                  "[batch, *spatial, channels], or [batch, channels, *spatial] for NCHW."},
                 {"mix", Role::kChannels,
                  "[channels]. The share of the maximum. Double if input is double, else float."}},
                {{"output", Role::kWindows, "One value for each window."}},
                {}}),
    RegisterOp({"Softpool>MixedPoolGrad",
                "The gradients of Softpool>MixedPool.",
                {{"orig_input", Role::kTaps, "The input of the pooling."},
                 {"mix", Role::kChannels, "The pooling's mix."},
                 {"grad", Role::kWindows, "The gradient of the pooling's output."}},
                {{"output", Role::kTaps, "The gradient of the pooling's input."},
                 {"mix_grad", Role::kChannels, "The gradient of the mix."}},
                {}}),
};

}  // namespace
}  // namespace softpool
