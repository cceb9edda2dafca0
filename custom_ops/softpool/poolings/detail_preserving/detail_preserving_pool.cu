// The CUDA kernel of detail-preserving pooling.
#define SOFTPOOL_ONE_LANE
#include "softpool/cuda/driver.h"
#include "softpool/poolings/detail_preserving/detail_preserving_pool-inl.h"
#include "softpool/poolings/detail_preserving/device_detail_tables.h"

namespace softpool {
namespace HWY_NAMESPACE {
namespace {

template <class T>
std::string Run(const Call& call, const CudaStream& cuda) {
  using Math = DetailPoolMath<ComputeType<T>>;
  DetailTables<ComputeType<T>> tables(call, nullptr, false);
  const std::string error = MakeDetailTables(call, cuda, &tables);
  if (!error.empty()) return error;
  return Driver<Math, T>(Math(tables), call.geometry, TensorsOf<T, Math>(call), cuda).Run();
}

std::string DetailPreservingPool(const Call& call, const CudaStream& cuda) {
  return OnEachType(call, cuda, [&](auto value) { return Run<decltype(value)>(call, cuda); });
}

[[maybe_unused]] const bool kRegistered =
    RegisterKernel("Softpool>DetailPreservingPool", DetailPreservingPool);

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace softpool
