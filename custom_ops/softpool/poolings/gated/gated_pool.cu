// The CUDA kernels of gated pooling and of its gradients.
#define SOFTPOOL_ONE_LANE
#include "softpool/cuda/driver.h"
#include "softpool/poolings/gated/gated_pool-inl.h"

namespace softpool {
namespace {

[[maybe_unused]] const bool kRegistered[] = {
    RegisterKernel("Softpool>GatedPool", HWY_NAMESPACE::RunPooling<HWY_NAMESPACE::GatedPoolMath>),
    RegisterKernel("Softpool>GatedPoolGrad",
                   HWY_NAMESPACE::RunSumming<HWY_NAMESPACE::GatedPoolGradMath>),
};

}  // namespace
}  // namespace softpool
