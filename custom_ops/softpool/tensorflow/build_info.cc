// What the library tells about itself. Python reads it through ctypes.
#include <string>

#include "softpool/simd/targets.h"

extern "C" __attribute__((visibility("default"))) const char* tf_softpool_simd_targets() {
  // The compiled targets, then the one in use, separated by spaces.
  static const std::string* const text = [] {
    auto* all = new std::string;
    for (const std::string& name : softpool::CompiledTargetNames()) *all += name + " ";
    *all += softpool::TargetName(softpool::RunnableTargets().front());
    return all;
  }();
  return text->c_str();
}
