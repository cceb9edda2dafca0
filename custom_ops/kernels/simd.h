// Vectors of lanes, for the mathematics of all targets: Highway's or, where CUDA kernels are
// compiled, vectors of one lane, a thread's. Included again for each target: there is no guard.
#if defined(SOFTPOOL_ONE_LANE)
#include "kernels/cuda/one_lane.h"
#else
#include <hwy/highway.h>
#endif
