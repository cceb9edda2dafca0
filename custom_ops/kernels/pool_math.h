// What a pooling's mathematics tells the walk over the windows.
#ifndef TF_SOFTPOOL_KERNELS_POOL_MATH_H_
#define TF_SOFTPOOL_KERNELS_POOL_MATH_H_

#include <cstdint>
#include <limits>

#include "kernels/partition.h"

namespace softpool {

// The base of all mathematics, which has a template `Run(window)` besides: see window-inl.h for
// what a window offers. Each thread runs a copy.
struct PoolMath {
  // How many tensors there are of each sort: see tensors.h.
  static constexpr int kTapInputs = 1, kWindowInputs = 0, kWindowOutputs = 0, kTapOutputs = 0;
  static constexpr int kCyclesPerTap = 1;
  // Whether a window's lanes are asked for their channels.
  static constexpr bool kUsesChannels = false;

  // For sums over windows: units of work are put together into at most so many blocks, between
  // whose beginning and end one copy sees all of a block's windows, in order. It must not depend on
  // the machine.
  int64_t MostBlocks(int64_t units) const { return units; }
  void BeginBlock() {}
  void EndBlock(int64_t /*index*/) {}
  // Called after some windows of these channels, never more than kMostWindows of each channel, give
  // or take those of one position.
  static constexpr int64_t kMostWindows = std::numeric_limits<int64_t>::max();
  void EndWindows(int64_t /*count*/, Range /*channels*/) {}
};

}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_POOL_MATH_H_
