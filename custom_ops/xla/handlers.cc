#include "xla/handlers.h"

#include <exception>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "kernels/detail_preserving_pool.h"
#include "kernels/importance_pool.h"
#include "kernels/soft_pool.h"
#include "kernels/sorted_pool.h"
#include "xla/ffi/api/ffi.h"
#include "xla/kernel_call.h"
#include "xla/threads.h"

namespace xla::ffi {
// Declared in a header that needs more of XLA than TensorFlow installs.
const XLA_FFI_Api* GetXlaFfiApi();
}  // namespace xla::ffi

namespace softpool {
namespace {

namespace ffi = xla::ffi;

// Calls to the kernels, which are overloads on their last argument: threads of the CPU, or a stream
// of a GPU.
constexpr auto kSoftPool = [](const KernelCall& c, const auto& workers) {
  return SoftPool(c.Type(), c.geometry, c.Input(0), c.Output(0), workers);
};

constexpr auto kSoftPoolGrad = [](const KernelCall& c, const auto& workers) {
  const bool weights = c.Text("gradient") == "weights";
  return SoftPoolGrad(c.Type(), c.geometry,
                      weights ? SoftPoolGradient::kWeights : SoftPoolGradient::kExact, c.Input(0),
                      c.Input(1), c.Output(0), workers);
};

RankLogits LogitsOf(const KernelCall& c) {
  const std::vector<int64_t> shape = c.Dimensions(1);
  return {c.Input(1), shape[0], shape.size() == 2, c.Text("normalize") == "softmax"};
}

constexpr auto kSortedPool = [](const KernelCall& c, const auto& workers) {
  return SortedPool(c.Type(), c.geometry, LogitsOf(c), c.Input(0), c.Output(0), workers);
};

constexpr auto kSortedPoolGrad = [](const KernelCall& c, const auto& workers) {
  return SortedPoolGrad(c.Type(), c.geometry, LogitsOf(c), c.Input(0), c.Input(2), c.Output(0),
                        c.Output(1), workers);
};

constexpr auto kImportancePool = [](const KernelCall& c, const auto& workers) {
  return ImportancePool(c.Type(), c.geometry, c.Input(0), c.Input(1), c.Output(0), workers);
};

constexpr auto kImportancePoolGrad = [](const KernelCall& c, const auto& workers) {
  return ImportancePoolGrad(c.Type(), c.geometry, c.Input(0), c.Input(1), c.Input(2), c.Output(0),
                            c.Output(1), workers);
};

// A guide, or none, comes between x and the parameters.
DetailInputs DetailInputsOf(const KernelCall& c) {
  const int64_t guides = c.Number("N");
  return {c.Input(0),
          guides > 0 ? c.Input(1) : nullptr,
          {c.Input(1 + guides), c.Input(2 + guides), c.Truth("symmetric")}};
}

constexpr auto kDetailPreservingPool = [](const KernelCall& c, const auto& workers) {
  return DetailPreservingPool(c.Type(), c.geometry, DetailInputsOf(c), c.Output(0), workers);
};

constexpr auto kDetailPreservingPoolGrad = [](const KernelCall& c, const auto& workers) {
  const int64_t guides = c.Number("N");
  const DetailGradients gradients{c.Output(0), guides > 0 ? c.Output(1) : nullptr,
                                  c.Output(1 + guides), c.Output(2 + guides)};
  return DetailPreservingPoolGrad(c.Type(), c.geometry, DetailInputsOf(c), c.Input(3 + guides),
                                  gradients, workers);
};

// Does some work that returns what is wrong, or an empty string.
template <class Work>
ffi::Error ErrorOf(const Work& work) {
  try {
    const std::string error = work();
    return error.empty() ? ffi::Error::Success() : ffi::Error::Internal(error);
  } catch (const ffi::Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return {ffi::ErrorCode::kResourceExhausted, "not enough memory to pool a tensor"};
  } catch (const std::exception& error) {
    return ffi::Error::Internal(error.what());
  }
}

template <const auto& kKernel>
ffi::Error RunOnCpu(ffi::ThreadPool pool, ffi::RemainingArgs inputs, ffi::RemainingRets outputs,
                    ffi::Dictionary attributes) {
  return ErrorOf([&] {
    kKernel(KernelCall(inputs, outputs, attributes), ThreadsOf(pool));
    return std::string();
  });
}

template <const auto& kKernel>
XLA_FFI_Error* HandleOnCpu(XLA_FFI_CallFrame* frame) {
  static const auto* const handler = ffi::Ffi::Bind()
                                         .Ctx<ffi::ThreadPool>()
                                         .RemainingArgs()
                                         .RemainingRets()
                                         .Attrs()
                                         .To(RunOnCpu<kKernel>)
                                         .release();
  return handler->Call(frame);
}

#if SOFTPOOL_CUDA
template <const auto& kKernel>
ffi::Error RunOnCuda(void* stream, ffi::ScratchAllocator scratch, ffi::RemainingArgs inputs,
                     ffi::RemainingRets outputs, ffi::Dictionary attributes) {
  return ErrorOf([&] {
    // XLA takes back what is allocated as this returns, before the GPU has done the work. What it
    // gives the memory to next comes later on the same stream.
    const auto allocate = [&scratch](size_t bytes) {
      const std::optional<void*> memory = scratch.Allocate(bytes, /*alignment=*/16);
      if (!memory) throw std::bad_alloc();
      return *memory;
    };
    return kKernel(KernelCall(inputs, outputs, attributes), CudaStream{stream, allocate});
  });
}

template <const auto& kKernel>
XLA_FFI_Error* HandleOnCuda(XLA_FFI_CallFrame* frame) {
  static const auto* const handler = ffi::Ffi::Bind()
                                         .Ctx<ffi::PlatformStream<void*>>()
                                         .Ctx<ffi::ScratchAllocator>()
                                         .RemainingArgs()
                                         .RemainingRets()
                                         .Attrs()
                                         .To(RunOnCuda<kKernel>)
                                         .release();
  return handler->Call(frame);
}
#endif

template <const auto& kKernel>
constexpr Handlers HandlersOf() {
#if SOFTPOOL_CUDA
  return {HandleOnCpu<kKernel>, HandleOnCuda<kKernel>};
#else
  return {HandleOnCpu<kKernel>, nullptr};
#endif
}

bool Register(const char* op, const char* platform, XLA_FFI_Handler* handler) {
  if (handler == nullptr) return false;
  XLA_FFI_Error* error =
      ffi::Ffi::RegisterStaticHandler(ffi::GetXlaFfiApi(), op, platform, handler);
  if (error != nullptr) ffi::internal::DestroyError(ffi::GetXlaFfiApi(), error);
  return error == nullptr;
}

}  // namespace

constexpr Handlers kSoftPoolHandlers = HandlersOf<kSoftPool>();
constexpr Handlers kSoftPoolGradHandlers = HandlersOf<kSoftPoolGrad>();
constexpr Handlers kSortedPoolHandlers = HandlersOf<kSortedPool>();
constexpr Handlers kSortedPoolGradHandlers = HandlersOf<kSortedPoolGrad>();
constexpr Handlers kImportancePoolHandlers = HandlersOf<kImportancePool>();
constexpr Handlers kImportancePoolGradHandlers = HandlersOf<kImportancePoolGrad>();
constexpr Handlers kDetailPreservingPoolHandlers = HandlersOf<kDetailPreservingPool>();
constexpr Handlers kDetailPreservingPoolGradHandlers = HandlersOf<kDetailPreservingPoolGrad>();

WithKernel RegisterHandlers(const char* op, const Handlers& handlers) {
  return {Register(op, "Host", handlers.on_cpu), Register(op, "CUDA", handlers.on_cuda)};
}

}  // namespace softpool
