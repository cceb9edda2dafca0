// The descriptions of midrange pooling's ops.
#include "softpool/engine/op.h"

namespace softpool {
namespace {

[[maybe_unused]] const bool kRegistered[] = {
    RegisterOp({"Softpool>MidrangePool",
                "The mean of each window's largest and smallest value.",
                {{"input", Role::kTaps,
                  "[batch, *spatial, channels], or [batch, channels, *spatial] for NCHW."}},
                {{"output", Role::kWindows, "One value for each window."}},
                {}}),
    RegisterOp({"Softpool>MidrangePoolGrad",
                "The gradient of Softpool>MidrangePool for its input.",
                {{"orig_input", Role::kTaps, "The input of the pooling."},
                 {"grad", Role::kWindows, "The gradient of the pooling's output."}},
                {{"output", Role::kTaps, "The gradient of the pooling's input."}},
                {}}),
};

}  // namespace
}  // namespace softpool
