// What every pooling's op has in common: its attributes, the shapes they imply, and the way from a
// TensorFlow context to the kernels' plain types.
#ifndef TF_SOFTPOOL_TENSORFLOW_POOL_OP_H_
#define TF_SOFTPOOL_TENSORFLOW_POOL_OP_H_

#include <string>
#include <vector>

#include "kernels/data_type.h"
#include "kernels/geometry.h"
#include "kernels/parallel.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/gpu.h"

// The attributes and types that every pooling's ops are registered with.
#define SOFTPOOL_POOL_ATTRIBUTES                      \
  Attr("ksize: list(int)")                            \
      .Attr("strides: list(int)")                     \
      .Attr("padding: {'SAME', 'VALID'}")             \
      .Attr("data_format: {'NHWC', 'NCHW'} = 'NHWC'") \
      .Attr("T: {half, bfloat16, float, double}")

// Registers the kernels of an op, which are a class template on a device: OnCpu or OnGpu.
#if SOFTPOOL_CUDA
#define SOFTPOOL_REGISTER_KERNELS(name, Kernel)                                      \
  REGISTER_KERNEL_BUILDER(Name(name).Device(tensorflow::DEVICE_CPU), Kernel<OnCpu>); \
  REGISTER_KERNEL_BUILDER(Name(name).Device(tensorflow::DEVICE_GPU), Kernel<OnGpu>)
#else
#define SOFTPOOL_REGISTER_KERNELS(name, Kernel) \
  REGISTER_KERNEL_BUILDER(Name(name).Device(tensorflow::DEVICE_CPU), Kernel<OnCpu>)
#endif

namespace softpool {

// Shape function of a pooling whose first input is the tensor to pool and whose output has one
// value a window.
absl::Status PoolShape(tensorflow::shape_inference::InferenceContext* c);

// Shape function of a gradient whose input `window` has one value a window of input 0, which the
// output is shaped like.
absl::Status PoolGradShape(tensorflow::shape_inference::InferenceContext* c, int window);

// The channels of input 0, or -1 where they are not known.
absl::Status ChannelsOf(tensorflow::shape_inference::InferenceContext* c, int64_t* channels);

// Checks that `name`, a pooling's parameters of type U, have the type that values of type T are
// computed in. Context is an InferenceContext or an OpKernelConstruction.
template <class Context>
absl::Status CheckParameterType(Context* c, const std::string& name) {
  tensorflow::DataType values, parameters;
  TF_RETURN_IF_ERROR(c->GetAttr("T", &values));
  TF_RETURN_IF_ERROR(c->GetAttr("U", &parameters));
  const bool wide = values == tensorflow::DT_DOUBLE;
  const tensorflow::DataType expected = wide ? tensorflow::DT_DOUBLE : tensorflow::DT_FLOAT;
  if (parameters == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(
      name + " must be of type " + tensorflow::DataTypeString(expected) + " for input of type " +
      tensorflow::DataTypeString(values) + ", got " + tensorflow::DataTypeString(parameters));
}

absl::Status ToStatus(const std::string& error);

// A kernel that pools, or sends gradients back through a pooling.
class PoolOp : public tensorflow::OpKernel {
 public:
  explicit PoolOp(tensorflow::OpKernelConstruction* ctx);

  // Calls Pool(), and says so where memory does not suffice.
  void Compute(tensorflow::OpKernelContext* ctx) final;

 protected:
  virtual void Pool(tensorflow::OpKernelContext* ctx) = 0;

  // Lays the windows out over input 0, or says what is wrong with it.
  absl::Status Geometry(tensorflow::OpKernelContext* ctx, PoolGeometry* geometry) const;
  // Checks that an input has one value a window.
  absl::Status CheckWindowInput(tensorflow::OpKernelContext* ctx, int input,
                                const PoolGeometry& geometry) const;
  // Checks that an input is shaped like input 0.
  absl::Status CheckTapInput(tensorflow::OpKernelContext* ctx, int input) const;
  absl::Status AllocateWindowOutput(tensorflow::OpKernelContext* ctx, int output,
                                    const PoolGeometry& geometry,
                                    tensorflow::Tensor** tensor) const;

  const std::vector<int64_t>& ksize() const { return ksize_; }

  DataType type_;

 private:
  tensorflow::TensorShape WindowShape(const tensorflow::TensorShape& input,
                                      const PoolGeometry& geometry) const;

  std::vector<int64_t> ksize_, strides_;
  Padding padding_;
  DataFormat data_format_;
};

// TensorFlow's own threads. What a thread lacks memory for is std::bad_alloc in the caller's.
ParallelFor ThreadsOf(tensorflow::OpKernelContext* ctx);

// Devices, each of which gives a call to a kernel what it works with, and so chooses the kernel
// among its overloads.
struct OnCpu {
  template <class Call>
  static void Run(tensorflow::OpKernelContext* ctx, const Call& call) {
    call(ThreadsOf(ctx));
  }
};

struct OnGpu {
  template <class Call>
  static void Run(tensorflow::OpKernelContext* ctx, const Call& call) {
    // Given back before the GPU has done the work: whatever gets this memory next on TensorFlow's
    // stream comes after it.
    std::vector<tensorflow::Tensor> scratch;
    const std::string error = call(StreamOf(ctx, &scratch));
    if (!error.empty()) ctx->CtxFailure(absl::InternalError(error));
  }
};

}  // namespace softpool

#endif  // TF_SOFTPOOL_TENSORFLOW_POOL_OP_H_
