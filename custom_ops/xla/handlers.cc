#include "xla/handlers.h"

#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/detail_preserving_pool.h"
#include "kernels/importance_pool.h"
#include "kernels/soft_pool.h"
#include "kernels/sorted_pool.h"
#include "xla/ffi/api/ffi.h"
#include "xla/threads.h"

namespace xla::ffi {
// Declared in a header that needs more of XLA than TensorFlow installs.
const XLA_FFI_Api* GetXlaFfiApi();
}  // namespace xla::ffi

namespace softpool {
namespace {

namespace ffi = xla::ffi;

// What a call to a kernel brings along. Shapes and types were checked when the program was
// compiled; what is not there all the same is an exception, which becomes the call's error.
class KernelCall {
 public:
  KernelCall(const ffi::ThreadPool& pool, ffi::RemainingArgs inputs, ffi::RemainingRets outputs,
             ffi::Dictionary attributes)
      : threads(ThreadsOf(pool)), inputs_(inputs), outputs_(outputs), attributes_(attributes) {
    const std::string error =
        MakeGeometry(Dimensions(0), List("ksize"), List("strides"), PaddingNamed(Text("padding")),
                     DataFormatNamed(Text("data_format")), &geometry);
    if (!error.empty()) throw ffi::Error::InvalidArgument(error);
  }

  const void* Input(int i) const { return InputBuffer(i).untyped_data(); }
  void* Output(int i) const { return Value(outputs_.get<ffi::AnyBuffer>(i))->untyped_data(); }
  std::vector<int64_t> Dimensions(int input) const {
    const auto dims = InputBuffer(input).dimensions();
    return {dims.begin(), dims.end()};
  }
  std::string_view Text(const char* name) const {
    return Value(attributes_.get<std::string_view>(name));
  }
  bool Truth(const char* name) const { return Value(attributes_.get<bool>(name)); }
  int64_t Number(const char* name) const { return Value(attributes_.get<int64_t>(name)); }

  DataType Type() const {
    switch (InputBuffer(0).element_type()) {
      case ffi::F16:
        return DataType::kFloat16;
      case ffi::BF16:
        return DataType::kBFloat16;
      case ffi::F32:
        return DataType::kFloat32;
      case ffi::F64:
        return DataType::kFloat64;
      default:
        throw ffi::Error::InvalidArgument("cannot pool a tensor of this type");
    }
  }

  PoolGeometry geometry;
  ParallelFor threads;

 private:
  template <class T>
  static T Value(ffi::ErrorOr<T> value) {
    if (value.has_error()) throw value.error();
    return *value;
  }
  ffi::AnyBuffer InputBuffer(int i) const { return Value(inputs_.get<ffi::AnyBuffer>(i)); }
  std::vector<int64_t> List(const char* name) const {
    const auto values = Value(attributes_.get<ffi::Span<const int64_t>>(name));
    return {values.begin(), values.end()};
  }

  ffi::RemainingArgs inputs_;
  ffi::RemainingRets outputs_;
  ffi::Dictionary attributes_;
};

void CallSoftPool(const KernelCall& c) {
  SoftPool(c.Type(), c.geometry, c.Input(0), c.Output(0), c.threads);
}

void CallSoftPoolGrad(const KernelCall& c) {
  const bool weights = c.Text("gradient") == "weights";
  SoftPoolGrad(c.Type(), c.geometry,
               weights ? SoftPoolGradient::kWeights : SoftPoolGradient::kExact, c.Input(0),
               c.Input(1), c.Output(0), c.threads);
}

RankLogits LogitsOf(const KernelCall& c) {
  const std::vector<int64_t> shape = c.Dimensions(1);
  return {c.Input(1), shape[0], shape.size() == 2, c.Text("normalize") == "softmax"};
}

void CallSortedPool(const KernelCall& c) {
  SortedPool(c.Type(), c.geometry, LogitsOf(c), c.Input(0), c.Output(0), c.threads);
}

void CallSortedPoolGrad(const KernelCall& c) {
  SortedPoolGrad(c.Type(), c.geometry, LogitsOf(c), c.Input(0), c.Input(2), c.Output(0),
                 c.Output(1), c.threads);
}

void CallImportancePool(const KernelCall& c) {
  ImportancePool(c.Type(), c.geometry, c.Input(0), c.Input(1), c.Output(0), c.threads);
}

void CallImportancePoolGrad(const KernelCall& c) {
  ImportancePoolGrad(c.Type(), c.geometry, c.Input(0), c.Input(1), c.Input(2), c.Output(0),
                     c.Output(1), c.threads);
}

// A guide, or none, comes between x and the parameters.
DetailInputs DetailInputsOf(const KernelCall& c) {
  const int64_t guides = c.Number("N");
  return {c.Input(0),
          guides > 0 ? c.Input(1) : nullptr,
          {c.Input(1 + guides), c.Input(2 + guides), c.Truth("symmetric")}};
}

void CallDetailPreservingPool(const KernelCall& c) {
  DetailPreservingPool(c.Type(), c.geometry, DetailInputsOf(c), c.Output(0), c.threads);
}

void CallDetailPreservingPoolGrad(const KernelCall& c) {
  const int64_t guides = c.Number("N");
  const DetailGradients gradients{c.Output(0), guides > 0 ? c.Output(1) : nullptr,
                                  c.Output(1 + guides), c.Output(2 + guides)};
  DetailPreservingPoolGrad(c.Type(), c.geometry, DetailInputsOf(c), c.Input(3 + guides), gradients,
                           c.threads);
}

template <void (*kKernel)(const KernelCall&)>
ffi::Error Run(ffi::ThreadPool pool, ffi::RemainingArgs inputs, ffi::RemainingRets outputs,
               ffi::Dictionary attributes) {
  try {
    kKernel(KernelCall(pool, inputs, outputs, attributes));
  } catch (const ffi::Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return {ffi::ErrorCode::kResourceExhausted, "not enough memory to pool a tensor"};
  } catch (const std::exception& error) {
    return ffi::Error::Internal(error.what());
  }
  return ffi::Error::Success();
}

template <void (*kKernel)(const KernelCall&)>
XLA_FFI_Error* Handle(XLA_FFI_CallFrame* frame) {
  static const auto* const handler = ffi::Ffi::Bind()
                                         .Ctx<ffi::ThreadPool>()
                                         .RemainingArgs()
                                         .RemainingRets()
                                         .Attrs()
                                         .To(Run<kKernel>)
                                         .release();
  return handler->Call(frame);
}

}  // namespace

XLA_FFI_Error* SoftPoolHandler(XLA_FFI_CallFrame* frame) { return Handle<CallSoftPool>(frame); }
XLA_FFI_Error* SoftPoolGradHandler(XLA_FFI_CallFrame* frame) {
  return Handle<CallSoftPoolGrad>(frame);
}
XLA_FFI_Error* SortedPoolHandler(XLA_FFI_CallFrame* frame) { return Handle<CallSortedPool>(frame); }
XLA_FFI_Error* SortedPoolGradHandler(XLA_FFI_CallFrame* frame) {
  return Handle<CallSortedPoolGrad>(frame);
}
XLA_FFI_Error* ImportancePoolHandler(XLA_FFI_CallFrame* frame) {
  return Handle<CallImportancePool>(frame);
}
XLA_FFI_Error* ImportancePoolGradHandler(XLA_FFI_CallFrame* frame) {
  return Handle<CallImportancePoolGrad>(frame);
}
XLA_FFI_Error* DetailPreservingPoolHandler(XLA_FFI_CallFrame* frame) {
  return Handle<CallDetailPreservingPool>(frame);
}
XLA_FFI_Error* DetailPreservingPoolGradHandler(XLA_FFI_CallFrame* frame) {
  return Handle<CallDetailPreservingPoolGrad>(frame);
}

bool RegisterHandler(const char* op, XLA_FFI_Handler* handler) {
  XLA_FFI_Error* error = ffi::Ffi::RegisterStaticHandler(ffi::GetXlaFfiApi(), op, "Host", handler);
  if (error != nullptr) ffi::internal::DestroyError(ffi::GetXlaFfiApi(), error);
  return error == nullptr;
}

}  // namespace softpool
