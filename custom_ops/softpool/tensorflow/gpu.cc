#include "softpool/tensorflow/gpu.h"

#include <new>

#include "xla/stream_executor/stream.h"

namespace softpool {

namespace tf = tensorflow;

CudaStream StreamOf(tf::OpKernelContext* ctx, std::vector<tf::Tensor>* scratch) {
  void* const stream = ctx->op_device_context()->stream()->platform_specific_handle().stream;
  return {stream, [ctx, scratch](size_t bytes) {
            const tf::TensorShape shape({static_cast<int64_t>(bytes)});
            scratch->emplace_back();
            if (!ctx->allocate_temp(tf::DT_UINT8, shape, &scratch->back()).ok()) {
              throw std::bad_alloc();
            }
            return scratch->back().data();
          }};
}

}  // namespace softpool
