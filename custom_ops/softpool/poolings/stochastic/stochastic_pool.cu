// The CUDA kernels of stochastic pooling and of its gradient.
#define SOFTPOOL_ONE_LANE
#include "softpool/cuda/driver.h"
#include "softpool/poolings/stochastic/stochastic_pool-inl.h"

namespace softpool {
namespace HWY_NAMESPACE {
namespace {

// Draws if there is a seed.
std::string StochasticPool(const Call& call, const CudaStream& cuda) {
  const bool draws = call.Input("seed").data != nullptr;
  return draws ? RunPooling<DrawMath>(call, cuda) : RunPooling<ExpectationMath>(call, cuda);
}

std::string StochasticPoolGrad(const Call& call, const CudaStream& cuda) {
  const bool draws = call.Input("seed").data != nullptr;
  return draws ? RunPooling<DrawGradMath>(call, cuda) : RunPooling<ExpectationGradMath>(call, cuda);
}

[[maybe_unused]] const bool kRegistered[] = {
    RegisterKernel("Softpool>StochasticPool", StochasticPool),
    RegisterKernel("Softpool>StochasticPoolGrad", StochasticPoolGrad),
};

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace softpool
