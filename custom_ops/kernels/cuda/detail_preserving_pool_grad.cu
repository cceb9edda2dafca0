// Detail-preserving pooling's gradients on a device.
#define SOFTPOOL_ONE_LANE
#include "kernels/cuda/detail_tables.h"
#include "kernels/cuda/pool.h"
#include "kernels/detail_preserving_pool.h"
#include "kernels/detail_preserving_pool_grad-inl.h"

namespace softpool {
namespace {

template <class T>
std::string Run(const PoolGeometry& geometry, const DetailInputs& inputs, const void* gradient,
                const DetailGradients& gradients, const CudaStream& cuda) {
  using C = ComputeType<T>;
  using Summing = HWY_NAMESPACE::ThreadSumming;
  using Math = HWY_NAMESPACE::DetailPoolGradMath<C, Summing>;
  HWY_NAMESPACE::DetailTables<C> tables(inputs.parameters, nullptr, false);
  const std::string error = MakeDetailTables(inputs.parameters, geometry.Channels(), cuda, &tables);
  if (!error.empty()) return error;
  const Tensors<T, Math> tensors{
      {static_cast<const T*>(inputs.x)},
      {static_cast<const T*>(gradient), static_cast<const T*>(inputs.guide)},
      {static_cast<T*>(gradients.guide)},
      {static_cast<T*>(gradients.x)}};
  const HWY_NAMESPACE::ParameterGradients parameters{
      2, [&](const HWY_NAMESPACE::BlockSums& sums, int64_t slices) {
        C* outputs[] = {static_cast<C*>(gradients.alpha), static_cast<C*>(gradients.lambda)};
        std::string failed;
        for (int row = 0; row < 2 && failed.empty(); ++row) {
          failed = StoreTotals(sums, slices, row, 1, outputs[row], cuda);
        }
        return failed;
      }};
  return HWY_NAMESPACE::Pooling<Math, T>(Math(tables, Summing()), geometry, tensors, cuda,
                                         parameters)
      .Run();
}

}  // namespace

std::string DetailPreservingPoolGrad(DataType type, const PoolGeometry& geometry,
                                     const DetailInputs& inputs, const void* gradient,
                                     const DetailGradients& gradients, const CudaStream& cuda) {
  std::string error;
  if (geometry.Empty()) {
    const size_t bytes = geometry.Channels() * (type == DataType::kFloat64 ? 8 : 4);
    error = Clear(gradients.alpha, bytes, cuda);
    return error.empty() ? Clear(gradients.lambda, bytes, cuda) : error;
  }
  WithType(type, [&](auto value) {
    error = Run<decltype(value)>(geometry, inputs, gradient, gradients, cuda);
  });
  return error;
}

}  // namespace softpool
