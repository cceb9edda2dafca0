// The ops of sum pooling: their inputs and outputs.
#include "softpool/engine/op.h"

namespace softpool {
namespace {

[[maybe_unused]] const bool kRegistered[] = {
    RegisterOp({"Softpool>SumPool",
                "The sum of each window.",
                {{"input", Role::kTaps,
                  "[batch, *spatial, channels], or [batch, channels, *spatial] for NCHW."}},
                {{"output", Role::kWindows, "One value for each window."}},
                {}}),
    RegisterOp({"Softpool>SumPoolGrad",
                "The gradients of Softpool>SumPool.",
                {{"orig_input", Role::kTaps, "The input of the pooling."},
                 {"grad", Role::kWindows, "The gradient of the pooling's output."}},
                {{"output", Role::kTaps, "The gradient of the pooling's input."}},
                {}}),
};

}  // namespace
}  // namespace softpool
