// What a pooling's mathematics may keep of each tap of a window whose size the compiler does not
// know.
#ifndef TF_SOFTPOOL_KERNELS_LANE_MEMORY_H_
#define TF_SOFTPOOL_KERNELS_LANE_MEMORY_H_

#include <cstdint>
#include <vector>

namespace softpool {

// Windows of more than kMostTapsInLanes taps are done lane by lane.
#if defined(SOFTPOOL_ONE_LANE)
inline constexpr bool kOneLane = true;
// A thread's own memory is of a fixed size, and slow.
inline constexpr int64_t kMostTapsInLanes = 64;
// Nothing is kept from one window to the next.
template <class C>
struct LaneMemory {};
#else
inline constexpr bool kOneLane = false;
// Side by side more would leave the cache, and take as many times their memory as there are lanes.
inline constexpr int64_t kMostTapsInLanes = 4096;
template <class C>
using LaneMemory = std::vector<C>;
#endif

}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_LANE_MEMORY_H_
