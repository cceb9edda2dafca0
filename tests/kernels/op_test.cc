// Errors of a call name what is wrong by the names that users know.
#include "softpool/engine/op.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace softpool {
namespace {

using Dims = std::vector<int64_t>;

Attributes AttributesWith(const std::string& name, const Attributes::Value& value) {
  Attributes attributes;
  attributes.Set("ksize", Dims{2, 2});
  attributes.Set("strides", Dims{2, 2});
  attributes.Set("padding", std::string("VALID"));
  attributes.Set("data_format", std::string("NHWC"));
  attributes.Set(name, value);
  return attributes;
}

Tensor Of(const Dims& dims, DataType type = DataType::kFloat32) { return {nullptr, type, dims}; }

struct BadCall {
  const char* name;
  const char* op;
  Attributes attributes;
  std::vector<Tensor> inputs;
  const char* error;
};
void PrintTo(const BadCall& c, std::ostream* stream) { *stream << c.name; }

const Attributes kExact = AttributesWith("gradient", std::string("exact"));
const Attributes kSoftmax = AttributesWith("normalize", std::string("softmax"));
const Attributes kGuided = AttributesWith("N", int64_t{1});
// More windows than 64 bits can count, of a small input.
const Attributes kCountless = [] {
  Attributes attributes = AttributesWith("ksize", Dims{2147483647, 2147483647});
  attributes.Set("padding", std::string("ADAPTIVE"));
  return attributes;
}();
const Tensor kX = Of({1, 4, 4, 3}), kY = Of({1, 2, 2, 3}), kChannels = Of({3});

const BadCall kBadCalls[] = {
    {"no_inputs", "SoftPool", kExact, {}, "Softpool>SoftPool got 0 inputs instead of 1"},
    {"rank",
     "SoftPool",
     kExact,
     {Of({4, 4, 3})},
     "input must have rank 4, for ksize [2, 2], got shape [4, 4, 3]"},
    {"ksize",
     "SoftPool",
     AttributesWith("ksize", Dims{0, 2}),
     {kX},
     "ksize must be between 1 and 2147483647 in every dimension, got [0, 2]"},
    {"count",
     "SoftPool",
     kCountless,
     {Of({2, 1, 1, 3})},
     "ksize and strides give the pooled tensor the shape [2,2147483647,2147483647,3], which has "
     "more "
     "elements than can be counted"},
    {"grad",
     "SoftPoolGrad",
     kExact,
     {kX, kX},
     "grad must have shape [1,2,2,3], one value for each window, got [1,4,4,3]"},
    {"grad_type",
     "SoftPoolGrad",
     kExact,
     {kX, Of({1, 2, 2, 3}, DataType::kFloat16)},
     "grad must be of the input's type float, got half"},
    {"logits",
     "ImportancePool",
     kExact,
     {kX, kY},
     "logits must have shape [1,4,4,3], the shape of the input, got [1,2,2,3]"},
    {"no_ranks",
     "SortedPool",
     kSoftmax,
     {kX, Of({})},
     "rank_logits must have shape [pool_range] or [pool_range, channels], got []"},
    {"ranks",
     "SortedPool",
     kSoftmax,
     {kX, Of({5})},
     "rank_logits must have from 1 to 4 ranks, at most one for each position of a window of ksize "
     "[2,2], got shape [5]"},
    {"rank_channels",
     "SortedPool",
     kSoftmax,
     {kX, Of({2, 4})},
     "rank_logits must have shape [pool_range] or [pool_range, 3], one column for each channel, "
     "got "
     "[2,4]"},
    {"rank_type",
     "SortedPool",
     kSoftmax,
     {kX, Of({2}, DataType::kFloat64)},
     "rank_logits must be of type float for input of type float, got double"},
    {"guides",
     "DetailPreservingPool",
     AttributesWith("N", int64_t{2}),
     {kX, kY, kChannels, kChannels},
     "guide must be an empty list or a list of one tensor, got a list of length 2"},
    {"guide",
     "DetailPreservingPool",
     kGuided,
     {kX, kX, kChannels, kChannels},
     "guide must have shape [1,2,2,3], one value for each window, got [1,4,4,3]"},
    {"alpha",
     "DetailPreservingPool",
     kGuided,
     {kX, kY, Of({4}), kChannels},
     "alpha must have shape [3], one value for each channel, got [4]"},
    {"lam",
     "DetailPreservingPool",
     kGuided,
     {kX, kY, kChannels, Of({3}, DataType::kBFloat16)},
     "lam must be of type float for input of type float, got bfloat16"},
};

class BadCalls : public testing::TestWithParam<BadCall> {};

TEST_P(BadCalls, AreNamed) {
  const BadCall& c = GetParam();
  Call call;
  call.op = FindOp(std::string("Softpool>") + c.op);
  ASSERT_NE(call.op, nullptr);
  call.attributes = &c.attributes;
  call.inputs = c.inputs;
  EXPECT_EQ(Prepare(&call), c.error);
}

INSTANTIATE_TEST_SUITE_P(Calls, BadCalls, testing::ValuesIn(kBadCalls),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Attributes, AreThereAndOfTheirType) {
  const Attributes attributes = AttributesWith("symmetric", true);
  EXPECT_TRUE(attributes.Bool("symmetric"));
  EXPECT_THROW(attributes.Int("symmetric"), std::invalid_argument);
  EXPECT_THROW(attributes.String("gradient"), std::invalid_argument);
}

TEST(Ops, AllHaveKernels) {
  ForEachOp([](const Op& op) { EXPECT_NE(op.cpu, nullptr) << op.name; });
  ASSERT_NE(FindOp("Softpool>SoftPool"), nullptr);
  EXPECT_FALSE(RegisterOp({"Softpool>SoftPool", "Another op of that name.", {}, {}, {}}));
  EXPECT_EQ(FindOp("Softpool>SoftPool")->inputs.size(), 1u);
  EXPECT_EQ(FindOp("Softpool>NoPool"), nullptr);
}

}  // namespace
}  // namespace softpool
