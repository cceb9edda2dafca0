// What midrange pooling's ops read, write and are told.
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
                "What Softpool>MidrangePool sends back to its input.",
                {{"orig_input", Role::kTaps, "The input of the pooling."},
                 {"grad", Role::kWindows, "The gradient of its output."}},
                {{"output", Role::kTaps, "The gradient of its input."}},
                {}}),
};

}  // namespace
}  // namespace softpool
