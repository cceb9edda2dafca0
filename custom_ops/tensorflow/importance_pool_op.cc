// Local importance pooling as TensorFlow ops: see kernels/importance_pool.h for what they compute.
#include "kernels/importance_pool.h"

#include "tensorflow/core/framework/op.h"
#include "tensorflow/pool_op.h"

namespace softpool {
namespace {

namespace tf = tensorflow;
using tf::shape_inference::InferenceContext;

absl::Status CheckLogits(InferenceContext* c) {
  tf::shape_inference::ShapeHandle merged;
  return c->Merge(c->input(0), c->input(1), &merged);
}

REGISTER_OP("Softpool>ImportancePool")
    .Input("input: T")
    .Input("logits: T")
    .Output("output: T")
    .SOFTPOOL_POOL_ATTRIBUTES
    .SetShapeFn([](InferenceContext* c) {
      TF_RETURN_IF_ERROR(PoolShape(c));
      return CheckLogits(c);
    })
    .Doc(R"doc(
The average of each window, weighed by the softmax of logits.

input: [batch, *spatial, channels], or [batch, channels, *spatial] for NCHW.
logits: A logit for each value, shaped like input.
output: One value for each window.
ksize: The window's size in the spatial dimensions, of which there are one, two or three.
strides: The distance between windows, in the same dimensions.
padding: TensorFlow's rule for the output's size. Padded positions take no part.
data_format: Whether channels come last (NHWC) or first (NCHW), in any number of dimensions.
)doc");

REGISTER_OP("Softpool>ImportancePoolGrad")
    .Input("orig_input: T")
    .Input("logits: T")
    .Input("grad: T")
    .Output("output: T")
    .Output("logits_grad: T")
    .SOFTPOOL_POOL_ATTRIBUTES
    .SetShapeFn([](InferenceContext* c) {
      TF_RETURN_IF_ERROR(PoolGradShape(c, 2));
      c->set_output(1, c->input(1));
      return CheckLogits(c);
    })
    .Doc(R"doc(
What Softpool>ImportancePool sends back to its inputs.

orig_input: The input of the pooling.
logits: Its logits.
grad: The gradient of its output.
output: The gradient of its input.
logits_grad: The gradient of its logits.
)doc");

template <class Device>
class ImportancePoolOp : public PoolOp {
 public:
  using PoolOp::PoolOp;

 protected:
  void Pool(tf::OpKernelContext* ctx) override {
    PoolGeometry geometry;
    tf::Tensor* output = nullptr;
    OP_REQUIRES_OK(ctx, Geometry(ctx, &geometry));
    OP_REQUIRES_OK(ctx, CheckTapInput(ctx, 1));
    OP_REQUIRES_OK(ctx, AllocateWindowOutput(ctx, 0, geometry, &output));
    Device::Run(ctx, [&](const auto& workers) {
      return ImportancePool(type_, geometry, ctx->input(0).data(), ctx->input(1).data(),
                            output->data(), workers);
    });
  }
};

template <class Device>
class ImportancePoolGradOp : public PoolOp {
 public:
  using PoolOp::PoolOp;

 protected:
  void Pool(tf::OpKernelContext* ctx) override {
    PoolGeometry geometry;
    tf::Tensor *output = nullptr, *logits_gradient = nullptr;
    OP_REQUIRES_OK(ctx, Geometry(ctx, &geometry));
    OP_REQUIRES_OK(ctx, CheckTapInput(ctx, 1));
    OP_REQUIRES_OK(ctx, CheckWindowInput(ctx, 2, geometry));
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, ctx->input(0).shape(), &output));
    OP_REQUIRES_OK(ctx, ctx->allocate_output(1, ctx->input(0).shape(), &logits_gradient));
    Device::Run(ctx, [&](const auto& workers) {
      return ImportancePoolGrad(type_, geometry, ctx->input(0).data(), ctx->input(1).data(),
                                ctx->input(2).data(), output->data(), logits_gradient->data(),
                                workers);
    });
  }
};

SOFTPOOL_REGISTER_KERNELS("Softpool>ImportancePool", ImportancePoolOp);
SOFTPOOL_REGISTER_KERNELS("Softpool>ImportancePoolGrad", ImportancePoolGradOp);

}  // namespace
}  // namespace softpool
