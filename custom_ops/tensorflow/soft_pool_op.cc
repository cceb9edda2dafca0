// SoftPool as TensorFlow ops: see kernels/soft_pool.h for what they compute.
#include "kernels/soft_pool.h"

#include "tensorflow/core/framework/op.h"
#include "tensorflow/pool_op.h"

namespace softpool {
namespace {

namespace tf = tensorflow;

REGISTER_OP("Softpool>SoftPool")
    .Input("input: T")
    .Output("output: T")
    .SOFTPOOL_POOL_ATTRIBUTES.Attr("gradient: {'exact', 'weights'} = 'exact'")
    .SetShapeFn(PoolShape)
    .Doc(R"doc(
The average of each window, weighed by the softmax of the window's own values.

input: [batch, *spatial, channels], or [batch, channels, *spatial] for NCHW.
output: One value for each window.
ksize: The window's size in the spatial dimensions, of which there are one, two or three.
strides: The distance between windows, in the same dimensions.
padding: TensorFlow's rule for the output's size. Padded positions take no part.
data_format: Whether channels come last (NHWC) or first (NCHW), in any number of dimensions.
gradient: Whether the derivative is sent back, or the weights alone.
)doc");

REGISTER_OP("Softpool>SoftPoolGrad")
    .Input("orig_input: T")
    .Input("grad: T")
    .Output("output: T")
    .SOFTPOOL_POOL_ATTRIBUTES.Attr("gradient: {'exact', 'weights'} = 'exact'")
    .SetShapeFn([](tf::shape_inference::InferenceContext* c) { return PoolGradShape(c, 1); })
    .Doc(R"doc(
What Softpool>SoftPool sends back to its input.

orig_input: The input of the pooling.
grad: The gradient of its output.
output: The gradient of its input.
)doc");

template <class Device>
class SoftPoolOp : public PoolOp {
 public:
  using PoolOp::PoolOp;

 protected:
  void Pool(tf::OpKernelContext* ctx) override {
    PoolGeometry geometry;
    tf::Tensor* output = nullptr;
    OP_REQUIRES_OK(ctx, Geometry(ctx, &geometry));
    OP_REQUIRES_OK(ctx, AllocateWindowOutput(ctx, 0, geometry, &output));
    Device::Run(ctx, [&](const auto& workers) {
      return SoftPool(type_, geometry, ctx->input(0).data(), output->data(), workers);
    });
  }
};

template <class Device>
class SoftPoolGradOp : public PoolOp {
 public:
  explicit SoftPoolGradOp(tf::OpKernelConstruction* ctx) : PoolOp(ctx) {
    std::string name;
    OP_REQUIRES_OK(ctx, ctx->GetAttr("gradient", &name));
    kind_ = name == "weights" ? SoftPoolGradient::kWeights : SoftPoolGradient::kExact;
  }

 protected:
  void Pool(tf::OpKernelContext* ctx) override {
    PoolGeometry geometry;
    tf::Tensor* output = nullptr;
    OP_REQUIRES_OK(ctx, Geometry(ctx, &geometry));
    OP_REQUIRES_OK(ctx, CheckWindowInput(ctx, 1, geometry));
    OP_REQUIRES_OK(ctx, ctx->allocate_output(0, ctx->input(0).shape(), &output));
    Device::Run(ctx, [&](const auto& workers) {
      return SoftPoolGrad(type_, geometry, kind_, ctx->input(0).data(), ctx->input(1).data(),
                          output->data(), workers);
    });
  }

 private:
  SoftPoolGradient kind_;
};

SOFTPOOL_REGISTER_KERNELS("Softpool>SoftPool", SoftPoolOp);
SOFTPOOL_REGISTER_KERNELS("Softpool>SoftPoolGrad", SoftPoolGradOp);

}  // namespace
}  // namespace softpool
