// SoftPool on a device.
#define SOFTPOOL_ONE_LANE
#include "kernels/soft_pool.h"

#include "kernels/cuda/pool.h"
#include "kernels/soft_pool-inl.h"

namespace softpool {

std::string SoftPool(DataType type, const PoolGeometry& geometry, const void* x, void* y,
                     const CudaStream& cuda) {
  if (geometry.Empty()) return "";
  std::string error;
  WithType(type, [&](auto value) {
    using T = decltype(value);
    using Math = HWY_NAMESPACE::SoftPoolMath;
    const Tensors<T, Math> tensors{{static_cast<const T*>(x)}, {}, {static_cast<T*>(y)}, {}};
    error = HWY_NAMESPACE::Pooling<Math, T>(Math(), geometry, tensors, cuda).Run();
  });
  return error;
}

}  // namespace softpool
