// The ops of detail-preserving pooling: their inputs, outputs and attributes.
#include "softpool/engine/op.h"

namespace softpool {
namespace {

const AttributeSpec kSymmetric = {
    "symmetric", "bool = true",
    "If true, a value below the guide weighs as much as one equally far above it. If false, it "
    "weighs as much as one equal to the guide."};

[[maybe_unused]] const bool kRegistered[] = {
    RegisterOp(
        {"Softpool>DetailPreservingPool",
         "The average of each window, in which a value weighs more the further it is from a guide.",
         {{"input", Role::kTaps,
           "[batch, *spatial, channels], or [batch, channels, *spatial] for NCHW."},
          {"guide", Role::kWindows,
           "A list of one tensor shaped like output, or an empty list. If the list is empty, the "
           "guide is each window's average.",
           /*optional=*/true},
          {"alpha", Role::kChannels,
           "[channels]. The least weight of a value. Double if input is double, else float."},
          {"lam", Role::kChannels,
           "[channels]. The power that differences from the guide are raised to. Double if input "
           "is double, else float."}},
         {{"output", Role::kWindows, "One value for each window."}},
         {kSymmetric}}),
    RegisterOp(
        {"Softpool>DetailPreservingPoolGrad",
         "The gradients of Softpool>DetailPreservingPool.",
         {{"orig_input", Role::kTaps, "The input of the pooling."},
          {"guide", Role::kWindows, "The pooling's guide, or an empty list.", /*optional=*/true},
          {"alpha", Role::kChannels, "The pooling's alpha."},
          {"lam", Role::kChannels, "The pooling's lambda."},
          {"grad", Role::kWindows, "The gradient of the pooling's output."}},
         {{"output", Role::kTaps, "The gradient of the pooling's input."},
          {"guide_grad", Role::kWindows, "The gradient of the guide, or an empty list.",
           /*optional=*/true},
          {"alpha_grad", Role::kChannels, "The gradient of alpha."},
          {"lam_grad", Role::kChannels, "The gradient of lambda."}},
         {kSymmetric}}),
};

}  // namespace
}  // namespace softpool
