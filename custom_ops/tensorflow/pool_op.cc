#include "tensorflow/pool_op.h"

#include <atomic>
#include <new>

#include "tensorflow/core/util/work_sharder.h"

namespace softpool {
namespace {

namespace tf = tensorflow;
using tf::shape_inference::DimensionHandle;
using tf::shape_inference::InferenceContext;
using tf::shape_inference::ShapeHandle;

int FirstSpatialDimension(DataFormat format) { return format == DataFormat::kChannelsLast ? 1 : 2; }

DataType DataTypeOf(tf::DataType type) {
  switch (type) {
    case tf::DT_HALF:
      return DataType::kFloat16;
    case tf::DT_BFLOAT16:
      return DataType::kBFloat16;
    case tf::DT_DOUBLE:
      return DataType::kFloat64;
    default:
      return DataType::kFloat32;
  }
}

// Attributes as a graph under construction, or a kernel under construction, has them.
template <class Context>
absl::Status ReadAttributes(Context* c, std::vector<int64_t>* ksize, std::vector<int64_t>* strides,
                            Padding* padding, DataFormat* data_format) {
  std::string padding_name, data_format_name;
  TF_RETURN_IF_ERROR(c->GetAttr("ksize", ksize));
  TF_RETURN_IF_ERROR(c->GetAttr("strides", strides));
  TF_RETURN_IF_ERROR(c->GetAttr("padding", &padding_name));
  TF_RETURN_IF_ERROR(c->GetAttr("data_format", &data_format_name));
  *padding = PaddingNamed(padding_name);
  *data_format = DataFormatNamed(data_format_name);
  return ToStatus(CheckAttributes(*ksize, *strides));
}

// The shape of a tensor that has one value for each window of input 0.
absl::Status WindowShapeOf(InferenceContext* c, ShapeHandle* shape) {
  std::vector<int64_t> ksize, strides;
  Padding padding = Padding::kValid;
  DataFormat data_format = DataFormat::kChannelsLast;
  TF_RETURN_IF_ERROR(ReadAttributes(c, &ksize, &strides, &padding, &data_format));
  const int rank = static_cast<int>(ksize.size()) + 2;
  ShapeHandle input;
  TF_RETURN_IF_ERROR(c->WithRank(c->input(0), rank, &input));
  std::vector<DimensionHandle> dims(rank);
  for (int i = 0; i < rank; ++i) dims[i] = c->Dim(input, i);
  for (size_t i = 0; i < ksize.size(); ++i) {
    DimensionHandle& dim = dims[FirstSpatialDimension(data_format) + i];
    int64_t out = InferenceContext::kUnknownDim;
    if (c->ValueKnown(dim)) {
      TF_RETURN_IF_ERROR(ToStatus(OutputSize(c->Value(dim), ksize[i], strides[i], padding, &out)));
    }
    dim = c->MakeDim(out);
  }
  *shape = c->MakeShape(dims);
  return absl::OkStatus();
}

}  // namespace

absl::Status ToStatus(const std::string& error) {
  return error.empty() ? absl::OkStatus() : absl::InvalidArgumentError(error);
}

absl::Status ChannelsOf(InferenceContext* c, int64_t* channels) {
  std::string data_format;
  TF_RETURN_IF_ERROR(c->GetAttr("data_format", &data_format));
  *channels = InferenceContext::kUnknownDim;
  if (!c->RankKnown(c->input(0))) return absl::OkStatus();
  const bool last = DataFormatNamed(data_format) == DataFormat::kChannelsLast;
  *channels = c->Value(c->Dim(c->input(0), last ? -1 : 1));
  return absl::OkStatus();
}

absl::Status PoolShape(InferenceContext* c) {
  ShapeHandle shape;
  TF_RETURN_IF_ERROR(WindowShapeOf(c, &shape));
  c->set_output(0, shape);
  return absl::OkStatus();
}

absl::Status PoolGradShape(InferenceContext* c, int window) {
  ShapeHandle shape, merged;
  TF_RETURN_IF_ERROR(WindowShapeOf(c, &shape));
  TF_RETURN_IF_ERROR(c->Merge(c->input(window), shape, &merged));
  c->set_output(0, c->input(0));
  return absl::OkStatus();
}

PoolOp::PoolOp(tf::OpKernelConstruction* ctx) : OpKernel(ctx) {
  tf::DataType type;
  OP_REQUIRES_OK(ctx, ctx->GetAttr("T", &type));
  type_ = DataTypeOf(type);
  OP_REQUIRES_OK(ctx, ReadAttributes(ctx, &ksize_, &strides_, &padding_, &data_format_));
}

absl::Status PoolOp::Geometry(tf::OpKernelContext* ctx, PoolGeometry* geometry) const {
  const auto dims = ctx->input(0).shape().dim_sizes();
  return ToStatus(
      MakeGeometry({dims.begin(), dims.end()}, ksize_, strides_, padding_, data_format_, geometry));
}

tf::TensorShape PoolOp::WindowShape(const tf::TensorShape& input,
                                    const PoolGeometry& geometry) const {
  tf::TensorShape shape = input;
  const int spatial = static_cast<int>(ksize_.size());
  for (int i = 0; i < spatial; ++i) {
    shape.set_dim(FirstSpatialDimension(data_format_) + i, geometry.axis[kAxes - spatial + i].out);
  }
  return shape;
}

absl::Status PoolOp::CheckWindowInput(tf::OpKernelContext* ctx, int input,
                                      const PoolGeometry& geometry) const {
  const tf::TensorShape expected = WindowShape(ctx->input(0).shape(), geometry);
  const tf::TensorShape& shape = ctx->input(input).shape();
  if (shape == expected) return absl::OkStatus();
  return absl::InvalidArgumentError("input " + std::to_string(input) + " must have shape " +
                                    expected.DebugString() + ", one value for each window, got " +
                                    shape.DebugString());
}

absl::Status PoolOp::CheckTapInput(tf::OpKernelContext* ctx, int input) const {
  const tf::TensorShape& expected = ctx->input(0).shape();
  const tf::TensorShape& shape = ctx->input(input).shape();
  if (shape == expected) return absl::OkStatus();
  return absl::InvalidArgumentError("input " + std::to_string(input) + " must have shape " +
                                    expected.DebugString() + ", that of input 0, got " +
                                    shape.DebugString());
}

absl::Status PoolOp::AllocateWindowOutput(tf::OpKernelContext* ctx, int output,
                                          const PoolGeometry& geometry, tf::Tensor** tensor) const {
  return ctx->allocate_output(output, WindowShape(ctx->input(0).shape(), geometry), tensor);
}

void PoolOp::Compute(tf::OpKernelContext* ctx) {
  try {
    Pool(ctx);
  } catch (const std::bad_alloc&) {
    ctx->CtxFailure(absl::ResourceExhaustedError("not enough memory to pool a tensor of shape " +
                                                 ctx->input(0).shape().DebugString()));
  }
}

ParallelFor ThreadsOf(tf::OpKernelContext* ctx) {
  const auto& threads = *ctx->device()->tensorflow_cpu_worker_threads();
  return [&threads](int64_t units, int64_t cycles_per_unit, const Shard& shard) {
    std::atomic<bool> out_of_memory = false;
    const auto guarded = [&](int64_t begin, int64_t end) {
      try {
        shard(begin, end);
      } catch (const std::bad_alloc&) {
        out_of_memory = true;
      }
    };
    tf::Shard(threads.num_threads, threads.workers, units, cycles_per_unit, guarded);
    if (out_of_memory) throw std::bad_alloc();
  };
}

}  // namespace softpool
