#include "softpool/simd/targets.h"

#include <hwy/highway.h>

#include "softpool/simd/compiler.h"

namespace softpool {
namespace {

// Returns the single bits of a mask, best target first: a lower bit is a better target.
std::vector<int64_t> Bits(int64_t mask) {
  std::vector<int64_t> bits;
  for (int i = 0; i < 63; ++i) {
    const int64_t bit = int64_t{1} << i;
    if (mask & bit) bits.push_back(bit);
  }
  return bits;
}

}  // namespace

std::vector<int64_t> RunnableTargets() { return Bits(HWY_TARGETS & hwy::SupportedTargets()); }

std::vector<std::string> CompiledTargetNames() {
  std::vector<std::string> names;
  for (int64_t bit : Bits(HWY_TARGETS)) names.push_back(TargetName(bit));
  return names;
}

void UseTarget(int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

std::string TargetName(int64_t target) { return hwy::TargetName(target); }

}  // namespace softpool

// Returns the compiled targets, then the one in use, separated by spaces. Python calls this through
// ctypes.
extern "C" SOFTPOOL_EXPORT const char* tf_softpool_simd_targets() {
  static const std::string* const text = [] {
    auto* all = new std::string;
    for (const std::string& name : softpool::CompiledTargetNames()) *all += name + " ";
    *all += softpool::TargetName(softpool::RunnableTargets().front());
    return all;
  }();
  return text->c_str();
}
