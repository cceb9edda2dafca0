// Midrange pooling and its gradient on a device.
#define SOFTPOOL_ONE_LANE
#include "midrange_pool-inl.h"
#include "softpool/cuda/driver.h"

namespace softpool {
namespace {

[[maybe_unused]] const bool kRegistered[] = {
    RegisterKernel("Softpool>MidrangePool",
                   HWY_NAMESPACE::RunPooling<HWY_NAMESPACE::MidrangePoolMath>),
    RegisterKernel("Softpool>MidrangePoolGrad",
                   HWY_NAMESPACE::RunPooling<HWY_NAMESPACE::MidrangePoolGradMath>),
};

}  // namespace
}  // namespace softpool
