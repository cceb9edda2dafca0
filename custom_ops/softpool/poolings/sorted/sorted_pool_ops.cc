// What sorted-weight pooling's ops read, write and are told.
#include "softpool/engine/op.h"

namespace softpool {
namespace {

const AttributeSpec kNormalize = {
    "normalize", "{'softmax', 'none'} = 'softmax'",
    "Whether weights are the softmax of the logits, in a smaller window of its ranks alone, or\n"
    "  the logits themselves."};

[[maybe_unused]] const bool kRegistered[] = {
    RegisterOp({"Softpool>SortedPool",
                "The sum of each window's largest values, weighed by their ranks.",
                {{"input", Role::kTaps,
                  "[batch, *spatial, channels], or [batch, channels, *spatial] for NCHW."},
                 {"rank_logits", Role::kRanks,
                  "[pool_range], or [pool_range, channels] for weights of each channel's own. "
                  "pool_range is\n"
                  "  at most the size of a window. Double if input is, else float."}},
                {{"output", Role::kWindows, "One value for each window."}},
                {kNormalize}}),
    RegisterOp({"Softpool>SortedPoolGrad",
                "What Softpool>SortedPool sends back to its inputs.",
                {{"orig_input", Role::kTaps, "The input of the pooling."},
                 {"rank_logits", Role::kRanks, "Its logits."},
                 {"grad", Role::kWindows, "The gradient of its output."}},
                {{"output", Role::kTaps, "The gradient of its input."},
                 {"rank_grad", Role::kRanks, "The gradient of its logits."}},
                {kNormalize}}),
};

}  // namespace
}  // namespace softpool
