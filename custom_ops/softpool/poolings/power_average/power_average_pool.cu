// The CUDA kernels of power-average pooling and of its gradient.
#define SOFTPOOL_ONE_LANE
#include "softpool/cuda/driver.h"
#include "softpool/poolings/power_average/power_average_pool-inl.h"

namespace softpool {
namespace {

[[maybe_unused]] const bool kRegistered[] = {
    RegisterKernel("Softpool>PowerAveragePool",
                   HWY_NAMESPACE::RunPooling<HWY_NAMESPACE::PowerAveragePoolMath>),
    RegisterKernel("Softpool>PowerAveragePoolGrad",
                   HWY_NAMESPACE::RunPooling<HWY_NAMESPACE::PowerAveragePoolGradMath>),
};

}  // namespace
}  // namespace softpool
