// TensorFlow's ops, made from their descriptions: signatures, shape functions and documentation.
#include <vector>

#include "softpool/engine/op.h"
#include "softpool/tensorflow/translation.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_def_builder.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace softpool {
namespace {

namespace tf = tensorflow;
using tf::shape_inference::DimensionHandle;
using tf::shape_inference::InferenceContext;
using tf::shape_inference::ShapeHandle;

// The attributes of every pooling.
struct CommonAttribute {
  const char* name;
  const char* type;
  const char* doc;
};
constexpr CommonAttribute kCommonAttributes[] = {
    {"ksize", "list(int)",
     "The window's size in each of the one, two or three spatial dimensions."},
    {"strides", "list(int)", "The distance between windows in each of these dimensions."},
    {"padding", kPaddings,
     "TensorFlow's rule for the output's size. Padded positions take no part. With ADAPTIVE, ksize "
     "is the output's size: the windows divide the input into that many parts as evenly as "
     "possible, and strides do not count."},
    {"data_format", kDataFormats,
     "NHWC if channels come last, NCHW if they come first, in any number of dimensions."},
};

absl::Status About(const std::string& what, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::InvalidArgumentError(what + ": " + std::string(status.message()));
}

// The shape function of one op. It runs while a graph is built, when dimensions may be unknown.
class ShapeFunction {
 public:
  ShapeFunction(InferenceContext* c, const Op& op) : c_(c), op_(op) {}

  absl::Status Run() {
    TF_RETURN_IF_ERROR(ReadAttributes());
    TF_RETURN_IF_ERROR(ToStatus(CheckOptional(op_, attributes_)));
    TF_RETURN_IF_ERROR(LayWindows());
    for (size_t i = 1; i < op_.inputs.size(); ++i) {
      if (!Absent(op_.inputs[i])) {
        TF_RETURN_IF_ERROR(CheckInput(op_.inputs[i], Shape(op_.inputs[i])));
      }
    }
    int at = 0;
    for (size_t i = 0; i < op_.outputs.size(); ++i) {
      if (!Absent(op_.outputs[i])) c_->set_output(at++, OutputShape(i));
    }
    return absl::OkStatus();
  }

 private:
  bool Absent(const TensorSpec& spec) const { return spec.optional && attributes_.Int("N") == 0; }

  ShapeHandle Shape(const TensorSpec& input) const {
    int at = 0;
    for (const TensorSpec& spec : op_.inputs) {
      if (spec.name == input.name) break;
      at += !Absent(spec);
    }
    return c_->input(at);
  }

  absl::Status ReadAttributes() {
    for (const char* name : {"ksize", "strides"}) {
      std::vector<int64_t> values;
      TF_RETURN_IF_ERROR(c_->GetAttr(name, &values));
      attributes_.Set(name, values);
    }
    for (const char* name : {"padding", "data_format"}) {
      std::string value;
      TF_RETURN_IF_ERROR(c_->GetAttr(name, &value));
      attributes_.Set(name, value);
    }
    if (!op_.HasOptional()) return absl::OkStatus();
    int64_t count;
    TF_RETURN_IF_ERROR(c_->GetAttr("N", &count));
    attributes_.Set("N", count);
    return absl::OkStatus();
  }

  // Sets `windows_` to the shape of a tensor that has one value for each window of the first input.
  absl::Status LayWindows() {
    const std::vector<int64_t>& ksize = attributes_.Ints("ksize");
    const std::vector<int64_t>& strides = attributes_.Ints("strides");
    const Padding padding = PaddingNamed(attributes_.String("padding"));
    TF_RETURN_IF_ERROR(ToStatus(CheckAttributes(ksize, strides)));
    const int rank = static_cast<int>(ksize.size()) + 2;
    const bool last =
        DataFormatNamed(attributes_.String("data_format")) == DataFormat::kChannelsLast;
    ShapeHandle input;
    TF_RETURN_IF_ERROR(About(op_.inputs[0].name, c_->WithRank(c_->input(0), rank, &input)));
    std::vector<DimensionHandle> dims(rank);
    for (int i = 0; i < rank; ++i) dims[i] = c_->Dim(input, i);
    channels_ = dims[last ? rank - 1 : 1];
    for (size_t i = 0; i < ksize.size(); ++i) {
      DimensionHandle& dim = dims[i + (last ? 1 : 2)];
      int64_t out = InferenceContext::kUnknownDim;
      if (c_->ValueKnown(dim)) {
        TF_RETURN_IF_ERROR(
            ToStatus(WindowsOf(op_, c_->Value(dim), ksize[i], strides[i], padding, &out)));
      }
      dim = c_->MakeDim(out);
    }
    windows_ = c_->MakeShape(dims);
    std::vector<int64_t> lengths;
    for (const DimensionHandle& dim : dims) lengths.push_back(c_->Value(dim));
    return ToStatus(CheckSize("the pooled tensor", lengths));
  }

  absl::Status CheckInput(const TensorSpec& spec, ShapeHandle shape) {
    ShapeHandle merged;
    DimensionHandle size;
    switch (spec.role) {
      case Role::kTaps:
        return About(spec.name + " must have the shape of " + op_.inputs[0].name,
                     c_->Merge(c_->input(0), shape, &merged));
      case Role::kWindows:
        return About(spec.name + " must have one value for each window",
                     c_->Merge(shape, windows_, &merged));
      case Role::kSeed:
        TF_RETURN_IF_ERROR(About(spec.name, c_->WithRank(shape, 1, &merged)));
        return About(spec.name, c_->WithValue(c_->Dim(merged, 0), 2, &size));
      case Role::kPositions:
        return About(spec.name, c_->WithRank(shape, 1, &merged));
      default:
        return CheckParameter(spec, shape);
    }
  }

  absl::Status CheckParameter(const TensorSpec& spec, ShapeHandle shape) {
    tf::DataType values, parameters;
    TF_RETURN_IF_ERROR(c_->GetAttr("T", &values));
    TF_RETURN_IF_ERROR(c_->GetAttr("U", &parameters));
    TF_RETURN_IF_ERROR(
        ToStatus(CheckParameterType(spec.name, DataTypeOf(parameters), DataTypeOf(values))));
    const int64_t channels = c_->Value(channels_);
    if (spec.role != Role::kChannels) {
      if (!c_->RankKnown(shape)) return absl::OkStatus();
      std::vector<int64_t> dims;
      for (int i = 0; i < c_->Rank(shape); ++i) dims.push_back(c_->Value(c_->Dim(shape, i)));
      if (spec.role == Role::kPlaces) {
        return ToStatus(CheckPlaces(op_, spec.name, dims, attributes_, channels));
      }
      return ToStatus(CheckRanks(spec.name, dims, attributes_.Ints("ksize"),
                                 PaddingNamed(attributes_.String("padding")), channels));
    }
    ShapeHandle merged;
    DimensionHandle size;
    const std::string what = spec.name + " must have one value for each channel";
    TF_RETURN_IF_ERROR(About(what, c_->WithRank(shape, 1, &merged)));
    if (channels < 0) return absl::OkStatus();
    return About(what, c_->WithValue(c_->Dim(merged, 0), channels, &size));
  }

  ShapeHandle OutputShape(size_t output) {
    switch (op_.outputs[output].role) {
      case Role::kTaps:
        return c_->input(0);
      case Role::kWindows:
        return windows_;
      case Role::kChannels:
        return c_->Vector(channels_);
      case Role::kRanks:
      case Role::kPlaces:
        return Shape(op_.inputs[InputLike(op_, output)]);
      default:
        return c_->UnknownShape();
    }
  }

  InferenceContext* const c_;
  const Op& op_;
  Attributes attributes_;
  ShapeHandle windows_;
  DimensionHandle channels_;
};

std::string Argument(const TensorSpec& spec) {
  const bool whole = spec.role == Role::kSeed || spec.role == Role::kPositions;
  const char* type = IsParameter(spec.role) ? "U" : whole ? "int32" : "T";
  return spec.name + ": " + (spec.optional ? "N * " : "") + type;
}

std::string Documentation(const Op& op) {
  std::string text = "\n" + op.summary + "\n\n";
  const auto add = [&](const std::string& name, const std::string& doc) {
    text += name + ": " + doc + "\n";
  };
  for (const TensorSpec& spec : op.inputs) add(spec.name, spec.doc);
  for (const TensorSpec& spec : op.outputs) add(spec.name, spec.doc);
  for (const CommonAttribute& attribute : kCommonAttributes) {
    add(attribute.name, attribute.doc);
  }
  for (const AttributeSpec& attribute : op.attributes) add(attribute.name, attribute.doc);
  return text;
}

tf::OpDefBuilder BuilderOf(const Op& op) {
  tf::OpDefBuilder builder(op.name);
  bool parameters = false;
  for (const TensorSpec& spec : op.inputs) {
    builder.Input(Argument(spec));
    parameters = parameters || IsParameter(spec.role);
  }
  for (const TensorSpec& spec : op.outputs) builder.Output(Argument(spec));
  for (const CommonAttribute& attribute : kCommonAttributes) {
    builder.Attr(std::string(attribute.name) + ": " + attribute.type);
  }
  builder.Attr("T: {half, bfloat16, float, double}");
  if (parameters) builder.Attr("U: {float, double}");
  if (op.HasOptional()) builder.Attr("N: int >= 0");
  for (const AttributeSpec& attribute : op.attributes) {
    builder.Attr(attribute.name + ": " + attribute.type);
  }
  builder.SetShapeFn([&op](InferenceContext* c) { return ShapeFunction(c, op).Run(); });
  builder.Doc(Documentation(op));
  return builder;
}

[[maybe_unused]] const bool kRegistered = ForEachOp([](const Op& op) {
  tf::OpRegistry::Global()->Register(
      [builder = BuilderOf(op)](tf::OpRegistrationData* data) { return builder.Finalize(data); });
});

}  // namespace
}  // namespace softpool
