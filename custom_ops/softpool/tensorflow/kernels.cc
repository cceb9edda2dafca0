// TensorFlow's kernels: one class for all ops and both devices.
#include <algorithm>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "softpool/engine/op.h"
#include "softpool/engine/shared_work.h"
#include "softpool/tensorflow/translation.h"
#include "tensorflow/core/framework/kernel_def_builder.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/util/work_sharder.h"

#if SOFTPOOL_CUDA
#include "softpool/tensorflow/gpu.h"
#endif

namespace softpool {
namespace {

namespace tf = tensorflow;

// Returns TensorFlow's own threads. tensorflow::Shard() would wait for them for ever in a process
// that was forked, and would leave them with dead objects if there was no memory for its own.
ParallelFor ThreadsOf(tf::OpKernelContext* ctx) {
  const auto& threads = *ctx->device()->tensorflow_cpu_worker_threads();
  return [&threads](int64_t units, int64_t cycles_per_unit, const Shard& shard) {
    const int64_t most = std::min(threads.num_threads, tf::GetPerThreadMaxParallelism());
    ShareWork(most, units, cycles_per_unit, shard,
              [&threads](auto work) { threads.workers->Schedule(std::move(work)); });
  };
}

// The devices. Each runs an op's kernel with the threads or the stream that the kernel needs.
struct OnCpu {
  static absl::Status Run(tf::OpKernelContext* ctx, const Call& call) {
    RunOnCpu(call, ThreadsOf(ctx));
    return absl::OkStatus();
  }
};

#if SOFTPOOL_CUDA
struct OnGpu {
  static absl::Status Run(tf::OpKernelContext* ctx, const Call& call) {
    if (call.op->cuda == nullptr) {
      return absl::UnimplementedError(call.op->name + " has no CUDA kernel");
    }
    // This memory is given back before the GPU has done the work. That is safe: whatever gets the
    // memory next on TensorFlow's stream comes after this work.
    std::vector<tf::Tensor> scratch;
    const std::string error = call.op->cuda(call, StreamOf(ctx, &scratch));
    return error.empty() ? absl::OkStatus() : absl::InternalError(error);
  }
};
#endif

// Returns an error without a message if there is not even memory for a message.
absl::Status NotEnoughMemory(tf::OpKernelContext* ctx) {
  try {
    return absl::ResourceExhaustedError("not enough memory to pool a tensor of shape " +
                                        ctx->input(0).shape().DebugString());
  } catch (const std::bad_alloc&) {
    return {absl::StatusCode::kResourceExhausted, ""};
  }
}

template <class Device>
class PoolKernel : public tf::OpKernel {
 public:
  explicit PoolKernel(tf::OpKernelConstruction* ctx)
      : OpKernel(ctx),
        op_(FindOp(type_string())),
        attributes_(AttributesOf(tf::AttrSlice(ctx->def()))) {
    try {
      OP_REQUIRES_OK(
          ctx, ToStatus(CheckAttributes(attributes_.Ints("ksize"), attributes_.Ints("strides"))));
      OP_REQUIRES_OK(ctx, ToStatus(CheckOptional(*op_, attributes_)));
    } catch (const std::invalid_argument& error) {
      ctx->CtxFailure(absl::InvalidArgumentError(error.what()));
    }
  }

  void Compute(tf::OpKernelContext* ctx) override {
    try {
      OP_REQUIRES_OK(ctx, Pool(ctx));
    } catch (const std::bad_alloc&) {
      ctx->CtxFailure(NotEnoughMemory(ctx));
    } catch (const std::invalid_argument& error) {
      ctx->CtxFailure(absl::InvalidArgumentError(error.what()));
    } catch (const std::exception& error) {
      ctx->CtxFailure(absl::InternalError(error.what()));
    }
  }

 private:
  absl::Status Pool(tf::OpKernelContext* ctx) const {
    Call call;
    call.op = op_;
    call.attributes = &attributes_;
    call.inputs.reserve(op_->inputs.size());
    call.outputs.reserve(op_->outputs.size());
    int at = 0;
    for (const TensorSpec& spec : op_->inputs) {
      Tensor& tensor = call.inputs.emplace_back();
      if (IsAbsent(call, spec)) continue;
      const tf::Tensor& input = ctx->input(at++);
      const auto dims = input.shape().dim_sizes();
      tensor = {input.data(), DataTypeOf(input.dtype()), {dims.begin(), dims.end()}};
    }
    TF_RETURN_IF_ERROR(ToStatus(Prepare(&call)));
    at = 0;
    for (size_t i = 0; i < op_->outputs.size(); ++i) {
      Tensor& tensor = call.outputs.emplace_back();
      if (IsAbsent(call, op_->outputs[i])) continue;
      tensor = OutputLike(call, i);
      tf::Tensor* output = nullptr;
      TF_RETURN_IF_ERROR(ctx->allocate_output(at++, tf::TensorShape(tensor.dims), &output));
      tensor.data = output->data();
    }
    return Device::Run(ctx, call);
  }

  const Op* const op_;
  const Attributes attributes_;
};

template <class Device>
tf::OpKernel* NewKernel(tf::OpKernelConstruction* ctx) {
  return new PoolKernel<Device>(ctx);
}

[[maybe_unused]] const bool kRegistered = ForEachOp([](const Op& op) {
  const auto add = [&](const char* device, tf::OpKernel* (*make)(tf::OpKernelConstruction*)) {
    tf::kernel_factory::OpKernelRegistrar(
        tf::KernelDefBuilder(op.name.c_str()).Device(device).Build(), "PoolKernel", make);
  };
  add(tf::DEVICE_CPU, NewKernel<OnCpu>);
#if SOFTPOOL_CUDA
  // Positions are read on the host. TensorFlow then runs the op there.
  if (!op.placed) add(tf::DEVICE_GPU, NewKernel<OnGpu>);
#endif
});

}  // namespace
}  // namespace softpool
