// What detail-preserving pooling's ops read, write and are told.
#include "softpool/engine/op.h"

namespace softpool {
namespace {

const AttributeSpec kSymmetric = {
    "symmetric", "bool = true",
    "Whether values below the guide count as those above, or as equal to it."};

[[maybe_unused]] const bool kRegistered[] = {
    RegisterOp(
        {"Softpool>DetailPreservingPool",
         "The average of each window, in which values weigh the more, the more they differ from a "
         "guide.",
         {{"input", Role::kTaps,
           "[batch, *spatial, channels], or [batch, channels, *spatial] for NCHW."},
          {"guide", Role::kWindows,
           "One tensor shaped like output, or none: the windows' averages.", /*optional=*/true},
          {"alpha", Role::kChannels,
           "[channels]. What every value weighs at least. Double if input is, else float."},
          {"lam", Role::kChannels,
           "[channels]. The power that differences are raised to. Double if input is, else "
           "float."}},
         {{"output", Role::kWindows, "One value for each window."}},
         {kSymmetric}}),
    RegisterOp(
        {"Softpool>DetailPreservingPoolGrad",
         "What Softpool>DetailPreservingPool sends back to its inputs.",
         {{"orig_input", Role::kTaps, "The input of the pooling."},
          {"guide", Role::kWindows, "Its guide, or none.", /*optional=*/true},
          {"alpha", Role::kChannels, "Its alpha."},
          {"lam", Role::kChannels, "Its lambda."},
          {"grad", Role::kWindows, "The gradient of its output."}},
         {{"output", Role::kTaps, "The gradient of its input."},
          {"guide_grad", Role::kWindows, "The gradient of its guide, or none.", /*optional=*/true},
          {"alpha_grad", Role::kChannels, "The gradient of its alpha."},
          {"lam_grad", Role::kChannels, "The gradient of its lambda."}},
         {kSymmetric}}),
};

}  // namespace
}  // namespace softpool
