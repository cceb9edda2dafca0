// Importance pooling's gradients on a device.
#define SOFTPOOL_ONE_LANE
#include "kernels/cuda/pool.h"
#include "kernels/importance_pool.h"
#include "kernels/importance_pool_grad-inl.h"

namespace softpool {

std::string ImportancePoolGrad(DataType type, const PoolGeometry& geometry, const void* x,
                               const void* logits, const void* gradient, void* x_gradient,
                               void* logits_gradient, const CudaStream& cuda) {
  if (geometry.Empty()) return "";
  std::string error;
  WithType(type, [&](auto value) {
    using T = decltype(value);
    using Math = HWY_NAMESPACE::ImportancePoolGradMath<ComputeType<T>>;
    const Tensors<T, Math> tensors{{static_cast<const T*>(x), static_cast<const T*>(logits)},
                                   {static_cast<const T*>(gradient)},
                                   {},
                                   {static_cast<T*>(x_gradient), static_cast<T*>(logits_gradient)}};
    error = HWY_NAMESPACE::Pooling<Math, T>(Math(), geometry, tensors, cuda).Run();
  });
  return error;
}

}  // namespace softpool
