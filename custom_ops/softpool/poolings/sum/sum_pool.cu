// The CUDA kernels of sum pooling and of its gradient.
#define SOFTPOOL_ONE_LANE
#include "softpool/cuda/driver.h"
#include "softpool/poolings/sum/sum_pool-inl.h"

namespace softpool {
namespace {

[[maybe_unused]] const bool kRegistered[] = {
    RegisterKernel("Softpool>SumPool", HWY_NAMESPACE::RunPooling<HWY_NAMESPACE::SumPoolMath>),
    RegisterKernel("Softpool>SumPoolGrad",
                   HWY_NAMESPACE::RunPooling<HWY_NAMESPACE::SumPoolGradMath>),
};

}  // namespace
}  // namespace softpool
