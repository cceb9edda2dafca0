#include "softpool/ffi/handlers.h"

#include <exception>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "softpool/engine/cuda_stream.h"
#include "softpool/engine/op.h"
#include "softpool/ffi/threads.h"
#include "xla/ffi/api/ffi.h"

namespace softpool {
namespace {

namespace ffi = xla::ffi;

template <class T>
T Value(ffi::ErrorOr<T> value) {
  if (value.has_error()) throw value.error();
  return *value;
}

void Require(const std::string& error) {
  if (!error.empty()) throw ffi::Error::InvalidArgument(error);
}

// Returns an attribute. XLA's own error has the code of an internal error, and names no attribute.
template <class T>
T AttributeOf(const ffi::Dictionary& attributes, const char* name) {
  const auto value = attributes.get<T>(name);
  if (!value.has_error()) return *value;
  throw ffi::Error::InvalidArgument("attribute " + std::string(name) +
                                    " is missing or has another type: " + value.error().message());
}

std::vector<int64_t> IntsOf(const ffi::Dictionary& attributes, const char* name) {
  const auto values = AttributeOf<ffi::Span<const int64_t>>(attributes, name);
  return {values.begin(), values.end()};
}

// What XLA passes to a handler, in the form that kernels take. A program may pass anything, so all
// of it is checked. A wrong argument throws an exception, which becomes the call's error.
class HandlerCall {
 public:
  HandlerCall(ffi::RemainingArgs inputs, ffi::RemainingRets outputs, ffi::Dictionary attributes)
      : op_(AttributeOf<std::string_view>(attributes, kOpAttribute)) {
    call_.op = FindOp(op_);
    if (call_.op == nullptr) throw ffi::Error::InvalidArgument("there is no op named " + op_);
    ReadAttributes(attributes);
    call_.attributes = &attributes_;
    ReadInputs(inputs);
    Require(Prepare(&call_));
    ReadOutputs(outputs);
  }

  const Call& call() const { return call_; }

 private:
  void ReadAttributes(const ffi::Dictionary& attributes) {
    for (const char* name : {"ksize", "strides"}) attributes_.Set(name, IntsOf(attributes, name));
    SetString(attributes, "padding", kPaddings);
    SetString(attributes, "data_format", kDataFormats);
    if (call_.op->HasOptional()) attributes_.Set("N", AttributeOf<int64_t>(attributes, "N"));
    for (const AttributeSpec& spec : call_.op->attributes) {
      const char* name = spec.name.c_str();
      const std::string type = spec.type.substr(0, spec.type.find(' '));
      if (type == "bool") {
        attributes_.Set(name, AttributeOf<bool>(attributes, name));
      } else if (type == "int") {
        attributes_.Set(name, AttributeOf<int64_t>(attributes, name));
      } else if (type == "float") {
        attributes_.Set(name, AttributeOf<double>(attributes, name));
      } else if (type == "list(int)") {
        attributes_.Set(name, IntsOf(attributes, name));
      } else {
        SetString(attributes, name, spec.type);
      }
    }
    Require(CheckOptional(*call_.op, attributes_));
  }

  void SetString(const ffi::Dictionary& attributes, const char* name, const std::string& type) {
    const std::string value(AttributeOf<std::string_view>(attributes, name));
    Require(CheckChoice(name, value, type));
    attributes_.Set(name, value);
  }

  static Tensor TensorOf(const ffi::AnyBuffer& buffer) {
    const auto dims = buffer.dimensions();
    Tensor tensor{buffer.untyped_data(), DataType::kFloat32, {dims.begin(), dims.end()}};
    switch (buffer.element_type()) {
      case ffi::F16:
        tensor.type = DataType::kFloat16;
        break;
      case ffi::BF16:
        tensor.type = DataType::kBFloat16;
        break;
      case ffi::F32:
        break;
      case ffi::F64:
        tensor.type = DataType::kFloat64;
        break;
      case ffi::S32:
        tensor.type = DataType::kInt32;
        break;
      default:
        throw ffi::Error::InvalidArgument(
            "cannot pool a tensor of this type: its type must be half, bfloat16, float or double, "
            "or int32 for a seed");
    }
    return tensor;
  }

  // Checks how many tensors there are. XLA's own error, when one is missing, says nothing of the
  // op.
  void CheckCount(const std::vector<TensorSpec>& specs, size_t count, const char* what) const {
    size_t expected = 0;
    for (const TensorSpec& spec : specs) expected += !IsAbsent(call_, spec);
    if (count == expected) return;
    throw ffi::Error::InvalidArgument(op_ + " got " + std::to_string(count) + " " + what +
                                      " instead of " + std::to_string(expected));
  }

  void ReadInputs(const ffi::RemainingArgs& inputs) {
    CheckCount(call_.op->inputs, inputs.size(), "inputs");
    size_t at = 0;
    for (const TensorSpec& spec : call_.op->inputs) {
      Tensor& tensor = call_.inputs.emplace_back();
      if (!IsAbsent(call_, spec)) tensor = TensorOf(Value(inputs.get<ffi::AnyBuffer>(at++)));
    }
  }

  void ReadOutputs(const ffi::RemainingRets& outputs) {
    CheckCount(call_.op->outputs, outputs.size(), "outputs");
    size_t at = 0;
    for (size_t i = 0; i < call_.op->outputs.size(); ++i) {
      const TensorSpec& spec = call_.op->outputs[i];
      Tensor& tensor = call_.outputs.emplace_back();
      if (IsAbsent(call_, spec)) continue;
      tensor = TensorOf(*Value(outputs.get<ffi::AnyBuffer>(at++)));
      const Tensor like = OutputLike(call_, i);
      if (tensor.type != like.type || tensor.dims != like.dims) {
        throw ffi::Error::InvalidArgument(spec.name + " must have shape " + ShapeText(like.dims) +
                                          " and the type in which the op gives it, got shape " +
                                          ShapeText(tensor.dims));
      }
    }
  }

  std::string op_;
  Attributes attributes_;
  Call call_;
};

// Returns a message in ASCII. It may quote a text of the program, whose bytes need not be UTF-8,
// and Python could not read it then.
std::string Printable(std::string_view message) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      text += {'\\', 'x', kDigits[byte / 16], kDigits[byte % 16]};
    }
  }
  return text;
}

// Does some work that returns an error message or an empty string. Returns the error, also if the
// work throws it.
template <class Work>
ffi::Error ErrorOf(const Work& work) {
  try {
    const std::string error = work();
    return error.empty() ? ffi::Error::Success() : ffi::Error::Internal(error);
  } catch (const ffi::Error& error) {
    return {error.errc().value_or(ffi::ErrorCode::kInternal), Printable(error.message())};
  } catch (const std::bad_alloc&) {
    return {ffi::ErrorCode::kResourceExhausted, "not enough memory to pool a tensor"};
  } catch (const std::invalid_argument& error) {
    return ffi::Error::InvalidArgument(Printable(error.what()));
  } catch (const std::exception& error) {
    return ffi::Error::Internal(error.what());
  }
}

ffi::Error RunOnHost(ffi::ThreadPool pool, ffi::RemainingArgs inputs, ffi::RemainingRets outputs,
                     ffi::Dictionary attributes) {
  return ErrorOf([&] {
    RunOnCpu(HandlerCall(inputs, outputs, attributes).call(), ThreadsOf(pool));
    return std::string();
  });
}

#if SOFTPOOL_CUDA
ffi::Error RunOnCuda(void* stream, ffi::ScratchAllocator scratch, ffi::RemainingArgs inputs,
                     ffi::RemainingRets outputs, ffi::Dictionary attributes) {
  return ErrorOf([&]() -> std::string {
    // XLA takes this memory back when the handler returns, before the GPU has done the work. That
    // is safe: whatever gets the memory next comes later on the same stream.
    const auto allocate = [&scratch](size_t bytes) {
      const std::optional<void*> memory = scratch.Allocate(bytes, /*alignment=*/16);
      if (!memory) throw std::bad_alloc();
      return *memory;
    };
    const HandlerCall handler_call(inputs, outputs, attributes);
    const Call& call = handler_call.call();
    if (call.op->cuda == nullptr) return call.op->name + " has no CUDA kernel";
    return call.op->cuda(call, CudaStream{stream, allocate});
  });
}
#endif

}  // namespace

XLA_FFI_Error* HandleOnCpu(XLA_FFI_CallFrame* frame) {
  static const auto* const handler = ffi::Ffi::Bind()
                                         .Ctx<ffi::ThreadPool>()
                                         .RemainingArgs()
                                         .RemainingRets()
                                         .Attrs()
                                         .To(RunOnHost)
                                         .release();
  return handler->Call(frame);
}

#if SOFTPOOL_CUDA
XLA_FFI_Error* HandleOnCuda(XLA_FFI_CallFrame* frame) {
  static const auto* const handler = ffi::Ffi::Bind()
                                         .Ctx<ffi::PlatformStream<void*>>()
                                         .Ctx<ffi::ScratchAllocator>()
                                         .RemainingArgs()
                                         .RemainingRets()
                                         .Attrs()
                                         .To(RunOnCuda)
                                         .release();
  return handler->Call(frame);
}
#endif

}  // namespace softpool
