// Detail-preserving pooling as TensorFlow ops: see kernels/detail_preserving_pool.h for what they
// compute.
#include "kernels/detail_preserving_pool.h"

#include "tensorflow/core/framework/op.h"
#include "tensorflow/pool_op.h"

namespace softpool {
namespace {

namespace tf = tensorflow;
using tf::shape_inference::InferenceContext;
using tf::shape_inference::ShapeHandle;

// The guide is a list of one tensor, or of none for the windows' averages.
#define SOFTPOOL_DETAIL_PRESERVING_POOL_ATTRIBUTES    \
  SOFTPOOL_POOL_ATTRIBUTES.Attr("U: {float, double}") \
      .Attr("N: int >= 0")                            \
      .Attr("symmetric: bool = true")

absl::Status CheckGuides(int guides) {
  if (guides <= 1) return absl::OkStatus();
  return absl::InvalidArgumentError("guide must be a list of one tensor or none, got " +
                                    std::to_string(guides));
}

// What both shape functions check of the parameters, which follow the guide.
absl::Status CheckParameters(InferenceContext* c) {
  int guides;
  int64_t channels;
  TF_RETURN_IF_ERROR(c->GetAttr("N", &guides));
  TF_RETURN_IF_ERROR(CheckGuides(guides));
  TF_RETURN_IF_ERROR(CheckParameterType(c, "alpha and lam"));
  TF_RETURN_IF_ERROR(ChannelsOf(c, &channels));
  for (int i : {1 + guides, 2 + guides}) {
    ShapeHandle vector;
    tf::shape_inference::DimensionHandle size;
    TF_RETURN_IF_ERROR(c->WithRank(c->input(i), 1, &vector));
    if (channels >= 0) TF_RETURN_IF_ERROR(c->WithValue(c->Dim(vector, 0), channels, &size));
  }
  return absl::OkStatus();
}

REGISTER_OP("Softpool>DetailPreservingPool")
    .Input("input: T")
    .Input("guide: N * T")
    .Input("alpha: U")
    .Input("lam: U")
    .Output("output: T")
    .SOFTPOOL_DETAIL_PRESERVING_POOL_ATTRIBUTES
    .SetShapeFn([](InferenceContext* c) {
      TF_RETURN_IF_ERROR(PoolShape(c));
      TF_RETURN_IF_ERROR(CheckParameters(c));
      int guides;
      ShapeHandle merged;
      TF_RETURN_IF_ERROR(c->GetAttr("N", &guides));
      if (guides > 0) TF_RETURN_IF_ERROR(c->Merge(c->input(1), c->output(0), &merged));
      return absl::OkStatus();
    })
    .Doc(R"doc(
The average of each window, in which values weigh the more, the more they differ from a guide.

input: [batch, *spatial, channels], or [batch, channels, *spatial] for NCHW.
guide: One tensor shaped like output, or none: the windows' averages.
alpha: [channels]. What every value weighs at least. Double if input is, else float.
lam: [channels]. The power that differences are raised to. Double if input is, else float.
output: One value for each window.
ksize: The window's size in the spatial dimensions, of which there are one, two or three.
strides: The distance between windows, in the same dimensions.
padding: TensorFlow's rule for the output's size. Padded positions take no part.
data_format: Whether channels come last (NHWC) or first (NCHW), in any number of dimensions.
symmetric: Whether values below the guide count as those above, or as equal to it.
)doc");

REGISTER_OP("Softpool>DetailPreservingPoolGrad")
    .Input("orig_input: T")
    .Input("guide: N * T")
    .Input("alpha: U")
    .Input("lam: U")
    .Input("grad: T")
    .Output("output: T")
    .Output("guide_grad: N * T")
    .Output("alpha_grad: U")
    .Output("lam_grad: U")
    .SOFTPOOL_DETAIL_PRESERVING_POOL_ATTRIBUTES
    .SetShapeFn([](InferenceContext* c) {
      TF_RETURN_IF_ERROR(CheckParameters(c));
      int guides;
      TF_RETURN_IF_ERROR(c->GetAttr("N", &guides));
      TF_RETURN_IF_ERROR(PoolGradShape(c, guides + 3));
      if (guides > 0) TF_RETURN_IF_ERROR(PoolGradShape(c, 1));
      for (int i = 1; i < guides + 3; ++i) c->set_output(i, c->input(i));
      return absl::OkStatus();
    })
    .Doc(R"doc(
What Softpool>DetailPreservingPool sends back to its inputs.

orig_input: The input of the pooling.
guide: Its guide, or none.
alpha: Its alpha.
lam: Its lambda.
grad: The gradient of its output.
output: The gradient of its input.
guide_grad: The gradient of its guide, or none.
alpha_grad: The gradient of its alpha.
lam_grad: The gradient of its lambda.
)doc");

// What the pooling and its gradient have in common.
class DetailPreservingPoolBase : public PoolOp {
 public:
  explicit DetailPreservingPoolBase(tf::OpKernelConstruction* ctx) : PoolOp(ctx) {
    OP_REQUIRES_OK(ctx, CheckParameterType(ctx, "alpha and lam"));
    OP_REQUIRES_OK(ctx, ctx->GetAttr("symmetric", &symmetric_));
    OP_REQUIRES_OK(ctx, ctx->GetAttr("N", &guides_));
    OP_REQUIRES_OK(ctx, CheckGuides(guides_));
  }

 protected:
  // Checks the inputs after the first.
  absl::Status Inputs(tf::OpKernelContext* ctx, const PoolGeometry& geometry,
                      DetailInputs* inputs) const {
    for (int i : {1 + guides_, 2 + guides_}) {
      const tf::TensorShape& shape = ctx->input(i).shape();
      if (shape == tf::TensorShape({geometry.Channels()})) continue;
      return absl::InvalidArgumentError(std::string(i == 1 + guides_ ? "alpha" : "lam") +
                                        " must have shape [" + std::to_string(geometry.Channels()) +
                                        "], one value for each channel, got " +
                                        shape.DebugString());
    }
    if (guides_ > 0) TF_RETURN_IF_ERROR(CheckWindowInput(ctx, 1, geometry));
    *inputs = {ctx->input(0).data(),
               guides_ > 0 ? ctx->input(1).data() : nullptr,
               {ctx->input(1 + guides_).data(), ctx->input(2 + guides_).data(), symmetric_}};
    return absl::OkStatus();
  }

  int guides_ = 0;

 private:
  bool symmetric_ = true;
};

template <class Device>
class DetailPreservingPoolOp : public DetailPreservingPoolBase {
 public:
  using DetailPreservingPoolBase::DetailPreservingPoolBase;

 protected:
  void Pool(tf::OpKernelContext* ctx) override {
    PoolGeometry geometry;
    DetailInputs inputs;
    tf::Tensor* output = nullptr;
    OP_REQUIRES_OK(ctx, Geometry(ctx, &geometry));
    OP_REQUIRES_OK(ctx, Inputs(ctx, geometry, &inputs));
    OP_REQUIRES_OK(ctx, AllocateWindowOutput(ctx, 0, geometry, &output));
    Device::Run(ctx, [&](const auto& workers) {
      return DetailPreservingPool(type_, geometry, inputs, output->data(), workers);
    });
  }
};

template <class Device>
class DetailPreservingPoolGradOp : public DetailPreservingPoolBase {
 public:
  using DetailPreservingPoolBase::DetailPreservingPoolBase;

 protected:
  void Pool(tf::OpKernelContext* ctx) override {
    PoolGeometry geometry;
    DetailInputs inputs;
    OP_REQUIRES_OK(ctx, Geometry(ctx, &geometry));
    OP_REQUIRES_OK(ctx, Inputs(ctx, geometry, &inputs));
    const int grad = guides_ + 3;
    OP_REQUIRES_OK(ctx, CheckWindowInput(ctx, grad, geometry));
    void* outputs[4] = {};
    for (int i = 0; i < grad; ++i) {
      tf::Tensor* output = nullptr;
      OP_REQUIRES_OK(ctx, ctx->allocate_output(i, ctx->input(i).shape(), &output));
      outputs[i] = output->data();
    }
    const DetailGradients gradients{outputs[0], guides_ > 0 ? outputs[1] : nullptr,
                                    outputs[1 + guides_], outputs[2 + guides_]};
    Device::Run(ctx, [&](const auto& workers) {
      return DetailPreservingPoolGrad(type_, geometry, inputs, ctx->input(grad).data(), gradients,
                                      workers);
    });
  }
};

SOFTPOOL_REGISTER_KERNELS("Softpool>DetailPreservingPool", DetailPreservingPoolOp);
SOFTPOOL_REGISTER_KERNELS("Softpool>DetailPreservingPoolGrad", DetailPreservingPoolGradOp);

}  // namespace
}  // namespace softpool
