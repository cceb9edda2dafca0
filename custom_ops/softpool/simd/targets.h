// Which SIMD targets the kernels were compiled for, and which one this machine runs.
#ifndef SOFTPOOL_SIMD_TARGETS_H_
#define SOFTPOOL_SIMD_TARGETS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace softpool {

// Returns Highway's bits of the targets that were compiled and that this machine has, best first.
std::vector<int64_t> RunnableTargets();

std::vector<std::string> CompiledTargetNames();

// Makes the kernels use one target, or the best one if `target` is zero. For tests.
void UseTarget(int64_t target);

std::string TargetName(int64_t target);

}  // namespace softpool

#endif  // SOFTPOOL_SIMD_TARGETS_H_
