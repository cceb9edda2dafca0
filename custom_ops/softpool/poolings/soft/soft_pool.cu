// The CUDA kernels of SoftPool and of its gradient.
#define SOFTPOOL_ONE_LANE
#include "softpool/cuda/driver.h"
#include "softpool/poolings/soft/soft_pool-inl.h"

namespace softpool {
namespace {

[[maybe_unused]] const bool kRegistered[] = {
    RegisterKernel("Softpool>SoftPool", HWY_NAMESPACE::RunPooling<HWY_NAMESPACE::SoftPoolMath>),
    RegisterKernel("Softpool>SoftPoolGrad",
                   HWY_NAMESPACE::RunPooling<HWY_NAMESPACE::SoftPoolGradMath>),
};

}  // namespace
}  // namespace softpool
