// The ops of sorted-weight pooling: their inputs, outputs and attributes.
#include "softpool/engine/op.h"

namespace softpool {
namespace {

const AttributeSpec kNormalize = {
    "normalize", "{'softmax', 'none'} = 'softmax'",
    "With 'softmax', weights are the softmax of the logits. A window of fewer values than\n"
    "  pool_range takes the softmax over its own ranks. With 'none', weights are the logits."};

[[maybe_unused]] const bool kRegistered[] = {
    RegisterOp({"Softpool>SortedPool",
                "The sum of each window's largest values, weighted by their ranks.",
                {{"input", Role::kTaps,
                  "[batch, *spatial, channels], or [batch, channels, *spatial] for NCHW."},
                 {"rank_logits", Role::kRanks,
                  "[pool_range], or [pool_range, channels] if each channel has its own weights. "
                  "pool_range is\n"
                  "  at most the size of a window. Double if input is double, else float."}},
                {{"output", Role::kWindows, "One value for each window."}},
                {kNormalize}}),
    RegisterOp({"Softpool>SortedPoolGrad",
                "The gradients of Softpool>SortedPool.",
                {{"orig_input", Role::kTaps, "The input of the pooling."},
                 {"rank_logits", Role::kRanks, "The pooling's logits."},
                 {"grad", Role::kWindows, "The gradient of the pooling's output."}},
                {{"output", Role::kTaps, "The gradient of the pooling's input."},
                 {"rank_grad", Role::kRanks, "The gradient of the pooling's logits."}},
                {kNormalize}}),
};

}  // namespace
}  // namespace softpool
