// The ops of the learned guide of detail-preserving pooling: their inputs and outputs.
#include "softpool/engine/op.h"

namespace softpool {
namespace {

[[maybe_unused]] const bool kRegistered[] = {
    RegisterOp({"Softpool>LearnedGuide",
                "A guide for each window of a pooling: the weighted sum of the 3, 3x3 or 3x3x3 "
                "values around its centre.",
                {{"input", Role::kTaps,
                  "[batch, *spatial, channels], or [batch, channels, *spatial] for NCHW."},
                 {"kernel", Role::kPlaces,
                  "[places, channels]. A weight for each place around the centre. Double if input "
                  "is double, else float."}},
                {{"output", Role::kWindows, "One value for each window."}},
                {},
                /*around=*/3}),
    RegisterOp({"Softpool>LearnedGuideGrad",
                "The gradients of Softpool>LearnedGuide.",
                {{"orig_input", Role::kTaps, "The input of the pooling."},
                 {"kernel", Role::kPlaces, "The guide's kernel."},
                 {"grad", Role::kWindows, "The gradient of the pooling's output."}},
                {{"output", Role::kTaps, "The gradient of the pooling's input."},
                 {"kernel_grad", Role::kPlaces, "The gradient of the kernel."}},
                {},
                /*around=*/3}),
};

}  // namespace
}  // namespace softpool
