// Sorted-weight pooling as TensorFlow ops: see kernels/sorted_pool.h for what they compute.
#include "kernels/sorted_pool.h"

#include "tensorflow/core/framework/op.h"
#include "tensorflow/pool_op.h"

namespace softpool {
namespace {

namespace tf = tensorflow;
using tf::shape_inference::InferenceContext;

#define SOFTPOOL_SORTED_POOL_ATTRIBUTES               \
  SOFTPOOL_POOL_ATTRIBUTES.Attr("U: {float, double}") \
      .Attr("normalize: {'softmax', 'none'} = 'softmax'")

// What both shape functions check of input 1, the logits.
absl::Status CheckLogits(InferenceContext* c) {
  TF_RETURN_IF_ERROR(CheckParameterType(c, "rank_logits"));
  std::vector<int64_t> ksize, shape;
  int64_t channels;
  TF_RETURN_IF_ERROR(c->GetAttr("ksize", &ksize));
  TF_RETURN_IF_ERROR(ChannelsOf(c, &channels));
  if (!c->RankKnown(c->input(1))) return absl::OkStatus();
  for (int i = 0; i < c->Rank(c->input(1)); ++i) shape.push_back(c->Value(c->Dim(c->input(1), i)));
  return ToStatus(CheckRankLogits(shape, ksize, channels));
}

REGISTER_OP("Softpool>SortedPool")
    .Input("input: T")
    .Input("rank_logits: U")
    .Output("output: T")
    .SOFTPOOL_SORTED_POOL_ATTRIBUTES
    .SetShapeFn([](InferenceContext* c) {
      TF_RETURN_IF_ERROR(PoolShape(c));
      return CheckLogits(c);
    })
    .Doc(R"doc(
The sum of each window's largest values, weighed by their ranks.

input: [batch, *spatial, channels], or [batch, channels, *spatial] for NCHW.
rank_logits: [pool_range], or [pool_range, channels] for weights of each channel's own. pool_range is
  at most the size of a window. Double if input is, else float.
output: One value for each window.
ksize: The window's size in the spatial dimensions, of which there are one, two or three.
strides: The distance between windows, in the same dimensions.
padding: TensorFlow's rule for the output's size. Padded positions take no part.
data_format: Whether channels come last (NHWC) or first (NCHW), in any number of dimensions.
normalize: Whether weights are the softmax of the logits, in a smaller window of its ranks alone, or
  the logits themselves.
)doc");

REGISTER_OP("Softpool>SortedPoolGrad")
    .Input("orig_input: T")
    .Input("rank_logits: U")
    .Input("grad: T")
    .Output("output: T")
    .Output("rank_grad: U")
    .SOFTPOOL_SORTED_POOL_ATTRIBUTES
    .SetShapeFn([](InferenceContext* c) {
      TF_RETURN_IF_ERROR(PoolGradShape(c, 2));
      c->set_output(1, c->input(1));
      return CheckLogits(c);
    })
    .Doc(R"doc(
What Softpool>SortedPool sends back to its inputs.

orig_input: The input of the pooling.
rank_logits: Its logits.
grad: The gradient of its output.
output: The gradient of its input.
rank_grad: The gradient of its logits.
)doc");

// What the pooling and its gradient have in common.
class SortedPoolBase : public PoolOp {
 public:
  explicit SortedPoolBase(tf::OpKernelConstruction* ctx) : PoolOp(ctx) {
    std::string normalize;
    OP_REQUIRES_OK(ctx, CheckParameterType(ctx, "rank_logits"));
    OP_REQUIRES_OK(ctx, ctx->GetAttr("normalize", &normalize));
    softmax_ = normalize == "softmax";
  }

 protected:
  // Checks input 1.
  absl::Status Logits(tf::OpKernelContext* ctx, const PoolGeometry& geometry,
                      RankLogits* logits) const {
    const tf::Tensor& tensor = ctx->input(1);
    const auto dims = tensor.shape().dim_sizes();
    const int64_t channels = geometry.Channels();
    TF_RETURN_IF_ERROR(ToStatus(CheckRankLogits({dims.begin(), dims.end()}, ksize(), channels)));
    *logits = {tensor.data(), dims[0], dims.size() == 2, softmax_};
    return absl::OkStatus();
  }

 private:
  bool softmax_ = true;
};

template <class Device>
class SortedPoolOp : public SortedPoolBase {
 public:
  using SortedPoolBase::SortedPoolBase;

 protected:
  void Pool(tf::OpKernelContext* ctx) override {
    PoolGeometry geometry;
    RankLogits logits;
    tf::Tensor* output = nullptr;
    OP_REQUIRES_OK(ctx, Geometry(ctx, &geometry));
    OP_REQUIRES_OK(ctx, Logits(ctx, geometry, &logits));
    OP_REQUIRES_OK(ctx, AllocateWindowOutput(ctx, 0, geometry, &output));
    Device::Run(ctx, [&](const auto& workers) {
      return SortedPool(type_, geometry, logits, ctx->input(0).data(), output->data(), workers);
    });
  }
};

template <class Device>
class SortedPoolGradOp : public SortedPoolBase {
 public:
  using SortedPoolBase::SortedPoolBase;

 protected:
  void Pool(tf::OpKernelContext* ctx) override {
    PoolGeometry geometry;
    RankLogits logits;
    tf::Tensor *output = nullptr, *logits_gradient = nullptr;
    OP_REQUIRES_OK(ctx, Geometry(ctx, &geometry));
    OP_REQUIRES_OK(ctx, Logits(ctx, geometry, &logits));
    OP_REQUIRES_OK(ctx, CheckWindowInput(ctx, 2, geometry));
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, ctx->input(0).shape(), &output));
    OP_REQUIRES_OK(ctx, ctx->allocate_output(1, ctx->input(1).shape(), &logits_gradient));
    Device::Run(ctx, [&](const auto& workers) {
      return SortedPoolGrad(type_, geometry, logits, ctx->input(0).data(), ctx->input(2).data(),
                            output->data(), logits_gradient->data(), workers);
    });
  }
};

SOFTPOOL_REGISTER_KERNELS("Softpool>SortedPool", SortedPoolOp);
SOFTPOOL_REGISTER_KERNELS("Softpool>SortedPoolGrad", SortedPoolGradOp);

}  // namespace
}  // namespace softpool
