// The CUDA kernel of detail-preserving pooling's gradients.
#define SOFTPOOL_ONE_LANE
#include "softpool/cuda/driver.h"
#include "softpool/poolings/detail_preserving/detail_preserving_pool-inl.h"
#include "softpool/poolings/detail_preserving/device_detail_tables.h"

namespace softpool {
namespace HWY_NAMESPACE {
namespace {

template <class T>
std::string Run(const Call& call, const CudaStream& cuda) {
  using C = ComputeType<T>;
  using Math = DetailPoolGradMath<C, ThreadSumming>;
  DetailTables<C> tables(call, nullptr, false);
  const std::string error = MakeDetailTables(call, cuda, &tables);
  if (!error.empty()) return error;
  const ParameterGradients parameters{2, [&](const BlockSums& sums, int64_t slices) {
                                        std::string failed;
                                        for (int row : {Math::kToAlpha, Math::kToLambda}) {
                                          const char* name =
                                              row == Math::kToAlpha ? "alpha_grad" : "lam_grad";
                                          C* output = static_cast<C*>(call.Output(name).data);
                                          failed = StoreTotals(sums, slices, row, 1, output, cuda);
                                          if (!failed.empty()) break;
                                        }
                                        return failed;
                                      }};
  return Driver<Math, T>(Math(tables, ThreadSumming()), call.geometry, TensorsOf<T, Math>(call),
                         cuda, parameters)
      .Run();
}

std::string DetailPreservingPoolGrad(const Call& call, const CudaStream& cuda) {
  return OnEachType(call, cuda, [&](auto value) { return Run<decltype(value)>(call, cuda); });
}

[[maybe_unused]] const bool kRegistered =
    RegisterKernel("Softpool>DetailPreservingPoolGrad", DetailPreservingPoolGrad);

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace softpool
