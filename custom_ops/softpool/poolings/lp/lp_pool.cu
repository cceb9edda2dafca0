// The CUDA kernels of learned-norm pooling and of its gradients.
#define SOFTPOOL_ONE_LANE
#include "softpool/cuda/driver.h"
#include "softpool/poolings/lp/lp_pool-inl.h"

namespace softpool {
namespace {

[[maybe_unused]] const bool kRegistered[] = {
    RegisterKernel("Softpool>LpPool", HWY_NAMESPACE::RunPooling<HWY_NAMESPACE::LpPoolMath>),
    RegisterKernel("Softpool>LpPoolGrad", HWY_NAMESPACE::RunSumming<HWY_NAMESPACE::LpPoolGradMath>),
};

}  // namespace
}  // namespace softpool
