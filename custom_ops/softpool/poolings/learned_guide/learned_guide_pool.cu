// The CUDA kernels of the learned guide and of its gradients.
#define SOFTPOOL_ONE_LANE
#include "softpool/cuda/driver.h"
#include "softpool/poolings/learned_guide/learned_guide_pool-inl.h"

namespace softpool {
namespace {

[[maybe_unused]] const bool kRegistered[] = {
    RegisterKernel("Softpool>LearnedGuide",
                   HWY_NAMESPACE::RunPooling<HWY_NAMESPACE::LearnedGuideMath>),
    RegisterKernel("Softpool>LearnedGuideGrad",
                   HWY_NAMESPACE::RunSumming<HWY_NAMESPACE::LearnedGuideGradMath>),
};

}  // namespace
}  // namespace softpool
