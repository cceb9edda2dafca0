// The CUDA kernels of mixed pooling and of its gradients.
#define SOFTPOOL_ONE_LANE
#include "softpool/cuda/driver.h"
#include "softpool/poolings/mixed/mixed_pool-inl.h"

namespace softpool {
namespace {

[[maybe_unused]] const bool kRegistered[] = {
    RegisterKernel("Softpool>MixedPool", HWY_NAMESPACE::RunPooling<HWY_NAMESPACE::MixedPoolMath>),
    RegisterKernel("Softpool>MixedPoolGrad",
                   HWY_NAMESPACE::RunSumming<HWY_NAMESPACE::MixedPoolGradMath>),
};

}  // namespace
}  // namespace softpool
