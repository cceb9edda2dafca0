// Detail-preserving pooling on a device.
#define SOFTPOOL_ONE_LANE
#include "kernels/detail_preserving_pool.h"

#include "kernels/cuda/detail_tables.h"
#include "kernels/cuda/pool.h"
#include "kernels/detail_preserving_pool-inl.h"

namespace softpool {

std::string DetailPreservingPool(DataType type, const PoolGeometry& geometry,
                                 const DetailInputs& inputs, void* y, const CudaStream& cuda) {
  if (geometry.Empty()) return "";
  std::string error;
  WithType(type, [&](auto value) {
    using T = decltype(value);
    using C = ComputeType<T>;
    using Math = HWY_NAMESPACE::DetailPoolMath<C>;
    HWY_NAMESPACE::DetailTables<C> tables(inputs.parameters, nullptr, false);
    error = MakeDetailTables(inputs.parameters, geometry.Channels(), cuda, &tables);
    if (!error.empty()) return;
    const Tensors<T, Math> tensors{{static_cast<const T*>(inputs.x)},
                                   {static_cast<const T*>(inputs.guide)},
                                   {static_cast<T*>(y)},
                                   {}};
    error = HWY_NAMESPACE::Pooling<Math, T>(Math(tables), geometry, tensors, cuda).Run();
  });
  return error;
}

}  // namespace softpool
