// How a pooling's op becomes part of an XLA program: as a call to its kernel, or as XLA's own
// operations on devices without a kernel. All ops are registered when this library is loaded.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>
#include <new>
#include <string>
#include <string_view>

#include "softpool/engine/op.h"
#include "softpool/ffi/handlers.h"
#include "softpool/tensorflow/translation.h"
#include "softpool/xla/forms.h"
#include "softpool/xla/registration.h"
#include "tensorflow/compiler/tf2xla/xla_op_kernel.h"
#include "tensorflow/compiler/tf2xla/xla_op_registry.h"
#include "tensorflow/core/framework/kernel_def_builder.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/core/public/version.h"
#include "xla/hlo/builder/lib/constants.h"

namespace softpool {
namespace {

namespace tf = tensorflow;

// The devices on which every registered op has a kernel. Never destroyed, because programs may be
// compiled while a process ends.
std::map<std::string, WithKernel>& Kernels() {
  static auto* const kernels = new std::map<std::string, WithKernel>;
  return *kernels;
}

bool HasKernelOn(const tf::DeviceType& device, const Op& op) {
  const WithKernel kernel = Kernels().at(op.name);
  if (device.type_string() == tf::DEVICE_CPU_XLA_JIT) return kernel.on_cpu && op.cpu != nullptr;
  if (device.type_string() != tf::DEVICE_GPU_XLA_JIT) return false;
  return kernel.on_cuda && op.cuda != nullptr;
}

// Returns whether the user has switched the kernels off, to compare results or to avoid a fault in
// the kernels.
bool KernelsAreOff() {
  const char* value = std::getenv("TF_SOFTPOOL_XLA_KERNELS");
  return value != nullptr && std::string_view(value) == "0";
}

// Returns the bits of a double, so that nothing is lost.
std::string Hexadecimal(double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  char text[32];
  std::snprintf(text, sizeof(text), "0x%016llX : f64", static_cast<unsigned long long>(bits));
  return text;
}

// Returns the op's attributes in the form that XLA passes on to kernels. Leaves out types, because
// the tensors have them. A node may have other attributes than its op, of any kind and with any
// text, so only those of the op's definition are written.
std::string AttributesForKernel(const tf::OpDef& definition, const std::string& op,
                                const tf::AttrSlice& attributes) {
  // Sorted by name, so that equal calls have equal texts.
  std::map<std::string, tf::AttrValue> sorted;
  for (const auto& attr : definition.attr()) {
    const tf::AttrValue* value = attributes.Find(attr.name());
    if (value != nullptr && attr.type() != "type") sorted[attr.name()] = *value;
  }
  sorted[kOpAttribute].set_s(op);
  std::string text;
  for (const auto& [name, value] : sorted) {
    text += (text.empty() ? "" : ", ") + name + " = ";
    switch (value.value_case()) {
      case tf::AttrValue::kS:
        text += "\"" + value.s() + "\"";
        break;
      case tf::AttrValue::kI:
        text += std::to_string(value.i()) + " : i64";
        break;
      case tf::AttrValue::kF:
        text += Hexadecimal(value.f());
        break;
      case tf::AttrValue::kB:
        text += value.b() ? "true" : "false";
        break;
      default:
        text += "array<i64: ";
        for (int i = 0; i < value.list().i_size(); ++i) {
          text += (i ? ", " : "") + std::to_string(value.list().i(i));
        }
        text += ">";
    }
  }
  return "{" + text + "}";
}

// Returns the name that an op's form has. An op whose windows are placed has the form of the op
// that it was made of.
std::string NameOfForm(const Op& op) {
  std::string name = op.name;
  if (op.placed) name.erase(name.rfind("At"), 2);
  return name;
}

class PoolLowering : public tf::XlaOpKernel {
 public:
  explicit PoolLowering(tf::OpKernelConstruction* ctx)
      : XlaOpKernel(ctx),
        op_(*FindOp(type_string())),
        attributes_(AttributesOf(tf::AttrSlice(ctx->def()))),
        has_kernel_(HasKernelOn(ctx->device_type(), op_)) {}

  void Compile(tf::XlaOpKernelContext* ctx) override {
    try {
      Lower(ctx);
    } catch (const std::bad_alloc&) {
      ctx->SetStatus(absl::ResourceExhaustedError("not enough memory to compile " + name()));
    } catch (const absl::BadStatusOrAccess& error) {
      ctx->SetStatus(error.status());
    } catch (const std::exception& error) {
      ctx->SetStatus(absl::InvalidArgumentError(error.what()));
    }
  }

 private:
  void Lower(tf::XlaOpKernelContext* ctx) {
    std::vector<xla::XlaOp> inputs, outputs;
    std::vector<xla::Shape> input_shapes, output_shapes;
    bool dynamic = false;  // whether a tensor's length depends on values
    for (int i = 0; i < ctx->num_inputs(); ++i) {
      const auto shape = ctx->InputXlaShape(i);
      OP_REQUIRES_OK(ctx, shape.status());
      dynamic = dynamic || shape->is_dynamic();
      const size_t rank = shape->dimensions().size();
      for (size_t j = rank < 3 ? 0 : 1; j < rank; ++j) {  // parameters have no batch
        OP_REQUIRES(
            ctx, !shape->is_dynamic_dimension(j),
            absl::UnimplementedError("XLA can pool a tensor only if no length except the batch "
                                     "size depends on values, got " +
                                     shape->ToString()));
      }
      inputs.push_back(ctx->Input(i));
      input_shapes.push_back(xla::ShapeUtil::MakeShapeWithDescendingLayout(shape->element_type(),
                                                                           shape->dimensions()));
    }
    OP_REQUIRES_OK(ctx, OutputShapes(ctx, input_shapes, &output_shapes));
    // Kernels do not support tensors that are shorter than their memory.
    if (has_kernel_ && !dynamic && !KernelsAreOff()) {
      const tf::OpDef* definition;
      OP_REQUIRES_OK(ctx, tf::OpRegistry::Global()->LookUpOpDef(type_string(), &definition));
      const std::string attributes =
          AttributesForKernel(*definition, op_.name, tf::AttrSlice(def()));
      outputs = CallKernel(ctx->builder(), attributes, inputs, input_shapes, output_shapes);
    } else {
      OP_REQUIRES_OK(ctx, Operate(inputs, input_shapes, output_shapes, &outputs));
    }
    for (int i = 0; i < ctx->num_outputs(); ++i) ctx->SetOutput(i, outputs[i]);
  }

  // Infers the outputs' shapes with the op's shape function, which also checks the inputs' shapes.
  absl::Status OutputShapes(tf::XlaOpKernelContext* ctx, const std::vector<xla::Shape>& inputs,
                            std::vector<xla::Shape>* outputs) const {
    const tf::OpRegistrationData* op;
    TF_RETURN_IF_ERROR(tf::OpRegistry::Global()->LookUp(type_string(), &op));
    std::vector<tf::PartialTensorShape> shapes;
    for (const xla::Shape& shape : inputs) {
      shapes.push_back(tf::PartialTensorShape(shape.dimensions()));
    }
    tf::shape_inference::InferenceContext inference(TF_GRAPH_DEF_VERSION, tf::AttrSlice(def()),
                                                    op->op_def, shapes, {}, {}, {});
    TF_RETURN_IF_ERROR(inference.construction_status());
    TF_RETURN_IF_ERROR(inference.Run(op->shape_inference_fn));
    for (int i = 0; i < inference.num_outputs(); ++i) {
      std::vector<int64_t> dims;
      for (int j = 0; j < inference.Rank(inference.output(i)); ++j) {
        dims.push_back(inference.Value(inference.Dim(inference.output(i), j)));
      }
      outputs->push_back(
          xla::ShapeUtil::MakeShapeWithDescendingLayout(ctx->output_xla_type(i), dims));
    }
    return absl::OkStatus();
  }

  std::vector<xla::XlaOp> CallKernel(xla::XlaBuilder* builder, const std::string& attributes,
                                     const std::vector<xla::XlaOp>& inputs,
                                     const std::vector<xla::Shape>& input_shapes,
                                     const std::vector<xla::Shape>& output_shapes) const {
    const bool single = output_shapes.size() == 1;
    const xla::Shape result =
        single ? output_shapes[0] : xla::ShapeUtil::MakeTupleShape(output_shapes);
    const xla::XlaOp call = xla::CustomCallWithLayout(
        builder, type_string(), inputs, result, input_shapes, attributes, /*has_side_effect=*/false,
        /*output_operand_aliasing=*/{}, /*literal=*/nullptr, xla::CustomCallSchedule::SCHEDULE_NONE,
        xla::CustomCallApiVersion::API_VERSION_TYPED_FFI);
    if (single) return {call};
    std::vector<xla::XlaOp> outputs;
    for (size_t i = 0; i < output_shapes.size(); ++i) {
      outputs.push_back(xla::GetTupleElement(call, i));
    }
    return outputs;
  }

  absl::Status Operate(std::vector<xla::XlaOp> inputs, const std::vector<xla::Shape>& input_shapes,
                       const std::vector<xla::Shape>& output_shapes,
                       std::vector<xla::XlaOp>* outputs) const {
    const XlaForm form = FindXlaForm(NameOfForm(op_));
    if (form == nullptr) {
      return absl::UnimplementedError(
          op_.name + " has no form in XLA's operations, and no kernel can be called here");
    }
    const auto dims = input_shapes[0].dimensions();
    PoolGeometry geometry;
    TF_RETURN_IF_ERROR(ToStatus(LayOut(op_, {dims.begin(), dims.end()}, attributes_, &geometry)));
    if (geometry.Empty()) {
      for (const xla::Shape& shape : output_shapes) {
        outputs->push_back(xla::Zeros(inputs[0].builder(), shape));
      }
      return absl::OkStatus();
    }
    const bool has_places =
        std::any_of(op_.inputs.begin(), op_.inputs.end(),
                    [](const TensorSpec& spec) { return spec.role == Role::kPlaces; });
    const auto positions =
        std::find_if(op_.inputs.begin(), op_.inputs.end(),
                     [](const TensorSpec& spec) { return spec.role == Role::kPositions; });
    const Windows windows(
        {dims.begin(), dims.end()}, geometry, DataFormatNamed(attributes_.String("data_format")),
        has_places, positions == op_.inputs.end() ? xla::XlaOp() : InputOf(*positions, inputs));
    if (windows.AreTooMany()) {
      return absl::ResourceExhaustedError(
          "there are too many windows for XLA's 32-bit indices in " + name());
    }
    const bool wide = input_shapes[0].element_type() == xla::F64;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (input_shapes[i].element_type() == xla::S32) continue;  // a seed
      inputs[i] = xla::ConvertElementType(inputs[i], wide ? xla::F64 : xla::F32);
    }
    // A form takes its inputs in the order of the description. An absent input is an invalid XlaOp.
    for (size_t i = 0; i < op_.inputs.size(); ++i) {
      const bool absent = op_.inputs[i].optional && attributes_.Int("N") == 0;
      if (absent) inputs.insert(inputs.begin() + i, xla::XlaOp());
    }
    // It takes no positions, because the windows know them.
    if (op_.placed) inputs.erase(inputs.begin() + (positions - op_.inputs.begin()));
    *outputs = form(windows, inputs, attributes_);
    if (outputs->size() != output_shapes.size()) {
      return absl::InternalError(
          op_.name + "'s form in XLA's operations does not have as many outputs as the op");
    }
    for (size_t i = 0; i < outputs->size(); ++i) {
      (*outputs)[i] = xla::ConvertElementType((*outputs)[i], output_shapes[i].element_type());
    }
    return absl::OkStatus();
  }

  // Returns an input that is there.
  xla::XlaOp InputOf(const TensorSpec& wanted, const std::vector<xla::XlaOp>& inputs) const {
    size_t at = 0;
    for (const TensorSpec& spec : op_.inputs) {
      if (&spec == &wanted) break;
      at += !(spec.optional && attributes_.Int("N") == 0);
    }
    return inputs[at];
  }

  const Op& op_;
  const Attributes attributes_;
  const bool has_kernel_;  // for this device
};

tf::OpKernel* NewPoolLowering(tf::OpKernelConstruction* ctx) { return new PoolLowering(ctx); }

// Returns whether XLA has compiled anything. When XLA compiles for the first time, it makes kernels
// of all registered lowerings at once, and it never looks for new ones.
bool XlaHasBegun() {
  const tf::KernelList kernels = tf::GetRegisteredKernelsForOp("AddV2");
  for (const tf::KernelDef& kernel : kernels.kernel()) {
    if (kernel.device_type() == tf::DEVICE_CPU_XLA_JIT) return true;
  }
  return false;
}

void RegisterLowering(const Op& op) {
  Kernels()[op.name] = RegisterHandlers(op.name);
  tf::XlaOpRegistrar(tf::XlaOpRegistrationBuilder::Name(op.name).Build(NewPoolLowering));
  if (!XlaHasBegun()) return;
  for (const std::string& device : tf::XlaOpRegistry::BackendNames()) {
    tf::kernel_factory::OpKernelRegistrar(
        tf::KernelDefBuilder(op.name.c_str()).Device(device.c_str()).Build(), "PoolLowering",
        NewPoolLowering);
  }
}

[[maybe_unused]] const bool kLowerings = ForEachOp(RegisterLowering);

}  // namespace
}  // namespace softpool

// Returns whether XLA runs our kernels of all ops on the CPU. Python calls this through ctypes.
extern "C" __attribute__((visibility("default"))) bool tf_softpool_xla_kernels() {
  const auto& all = softpool::Kernels();
  return std::all_of(all.begin(), all.end(), [](const auto& op) { return op.second.on_cpu; });
}

// Returns whether XLA runs our CUDA kernels of all ops on a GPU.
extern "C" __attribute__((visibility("default"))) bool tf_softpool_xla_cuda_kernels() {
  const auto& all = softpool::Kernels();
  return std::all_of(all.begin(), all.end(), [](const auto& op) { return op.second.on_cuda; });
}
