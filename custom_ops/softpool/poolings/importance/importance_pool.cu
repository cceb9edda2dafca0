// The CUDA kernels of importance pooling and of its gradients.
#define SOFTPOOL_ONE_LANE
#include "softpool/cuda/driver.h"
#include "softpool/poolings/importance/importance_pool-inl.h"

namespace softpool {
namespace {

[[maybe_unused]] const bool kRegistered[] = {
    RegisterKernel("Softpool>ImportancePool",
                   HWY_NAMESPACE::RunPooling<HWY_NAMESPACE::ImportancePoolMath>),
    RegisterKernel("Softpool>ImportancePoolGrad",
                   HWY_NAMESPACE::RunPooling<HWY_NAMESPACE::ImportancePoolGradMath>),
};

}  // namespace
}  // namespace softpool
