// The ops of stochastic pooling: their inputs and outputs.
#include "softpool/engine/op.h"

namespace softpool {
namespace {

[[maybe_unused]] const bool kRegistered[] = {
    RegisterOp({"Softpool>StochasticPool",
                "A value of each window, drawn with a probability in proportion to its positive "
                "part, or the expected value.",
                {{"input", Role::kTaps,
                  "[batch, *spatial, channels], or [batch, channels, *spatial] for NCHW."},
                 {"seed", Role::kSeed,
                  "A list of one tensor [2], the key of the draws, or an empty list. If the list "
                  "is empty, the result is the expected value.",
                  /*optional=*/true}},
                {{"output", Role::kWindows, "One value for each window."}},
                {}}),
    RegisterOp({"Softpool>StochasticPoolGrad",
                "The gradients of Softpool>StochasticPool.",
                {{"orig_input", Role::kTaps, "The input of the pooling."},
                 {"seed", Role::kSeed, "The pooling's seed, or an empty list.", /*optional=*/true},
                 {"grad", Role::kWindows, "The gradient of the pooling's output."}},
                {{"output", Role::kTaps, "The gradient of the pooling's input."}},
                {}}),
};

}  // namespace
}  // namespace softpool
