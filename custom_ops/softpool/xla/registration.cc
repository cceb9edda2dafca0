#include "softpool/xla/registration.h"

#include "softpool/ffi/handlers.h"
#include "xla/ffi/api/ffi.h"

namespace xla::ffi {
// XLA declares this function in a header that needs more of XLA than TensorFlow installs.
const XLA_FFI_Api* GetXlaFfiApi();
}  // namespace xla::ffi

namespace softpool {
namespace {

namespace ffi = xla::ffi;

bool Register(const std::string& op, const char* platform, XLA_FFI_Handler* handler) {
  XLA_FFI_Error* error =
      ffi::Ffi::RegisterStaticHandler(ffi::GetXlaFfiApi(), op, platform, handler);
  if (error != nullptr) ffi::internal::DestroyError(ffi::GetXlaFfiApi(), error);
  return error == nullptr;
}

}  // namespace

WithKernel RegisterHandlers(const std::string& op) {
#if SOFTPOOL_CUDA
  const bool on_cuda = Register(op, "CUDA", HandleOnCuda);
#else
  const bool on_cuda = false;
#endif
  return {Register(op, "Host", HandleOnCpu), on_cuda};
}

}  // namespace softpool
