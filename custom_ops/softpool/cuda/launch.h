// Running a kernel's threads: on a device or, where there is no compiler for one, on the host, one
// after the other.
//
// A program is what the threads of a grid do: a struct of plain values with
//
//   int64_t Phases(const Thread&) const;       // the same for all threads of a block
//   void Run(int64_t phase, const Thread&) const;
//
// All threads of a block have done a phase before one begins the next: a barrier on a device, and a
// loop on the host. What a thread keeps from one to another is in shared memory.
#ifndef SOFTPOOL_CUDA_LAUNCH_H_
#define SOFTPOOL_CUDA_LAUNCH_H_

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "softpool/engine/cuda_stream.h"
#include "softpool/simd/compiler.h"

#if defined(__CUDACC__)
#include <cuda_runtime.h>
#endif

namespace softpool {

// Blocks are `groups` times `slices`: groups are what work is divided into by the geometry, slices
// share that of one group.
struct Grid {
  int64_t groups;
  int64_t slices;
  int threads;          // of a block
  size_t shared_bytes;  // at most kMostShared
};

struct Thread {
  int64_t group, slice, slices;
  int index, count;  // in its block
  void* shared;
};

// What every device gives a block without being asked specially.
inline constexpr size_t kMostShared = 48 * 1024;
inline constexpr int kThreads = 256;
// What fits CUDA's grids.
inline constexpr int64_t kMostGroups = (int64_t{1} << 31) - 1, kMostSlices = 65535;

inline bool Fits(const Grid& grid) {
  return grid.groups <= kMostGroups && grid.slices <= kMostSlices && grid.threads <= kThreads &&
         grid.shared_bytes <= kMostShared;
}
inline constexpr char kTooLarge[] = "no device could run so large a grid";

#if defined(__CUDACC__)

template <class Program>
__global__ void __launch_bounds__(kThreads) RunProgram(const __grid_constant__ Program program) {
  extern __shared__ __align__(16) unsigned char shared[];
  const Thread thread{blockIdx.x,
                      blockIdx.y,
                      gridDim.y,
                      static_cast<int>(threadIdx.x),
                      static_cast<int>(blockDim.x),
                      shared};
  const int64_t phases = program.Phases(thread);
  for (int64_t phase = 0; phase < phases; ++phase) {
    if (phase > 0) __syncthreads();
    program.Run(phase, thread);
  }
}

inline std::string CudaError(cudaError_t error) {
  return error == cudaSuccess
             ? ""
             : std::string(cudaGetErrorName(error)) + ": " + cudaGetErrorString(error);
}

template <class Program>
std::string Launch(const Program& program, const Grid& grid, const CudaStream& cuda) {
  if (!Fits(grid)) return kTooLarge;
  const dim3 blocks(static_cast<unsigned>(grid.groups), static_cast<unsigned>(grid.slices));
  void* arguments[] = {const_cast<Program*>(&program)};
  // Which says what became of this launch, and of no other.
  return CudaError(cudaLaunchKernel(reinterpret_cast<const void*>(&RunProgram<Program>), blocks,
                                    grid.threads, arguments, grid.shared_bytes,
                                    static_cast<cudaStream_t>(cuda.stream)));
}

// Sets memory to zero bytes.
inline std::string Clear(void* p, size_t bytes, const CudaStream& cuda) {
  if (bytes == 0) return "";
  return CudaError(cudaMemsetAsync(p, 0, bytes, static_cast<cudaStream_t>(cuda.stream)));
}

#else

template <class Program>
std::string Launch(const Program& program, const Grid& grid, const CudaStream&) {
  if (!Fits(grid)) return kTooLarge;
  // A device runs threads in any order: tests run them in two, which must not matter.
  const bool backwards = std::getenv("SOFTPOOL_HOST_BACKWARDS") != nullptr;
  const auto at = [&](int64_t i, int64_t count) { return backwards ? count - 1 - i : i; };
  std::vector<double> shared(grid.shared_bytes / sizeof(double) + 1);
  for (int64_t block = 0; block < grid.groups * grid.slices; ++block) {
    const int64_t turn = at(block, grid.groups * grid.slices);
    // As a device has it: whatever was there before, and never zeros by chance.
    std::memset(shared.data(), 0xFF, grid.shared_bytes);
    Thread thread{turn / grid.slices, turn % grid.slices, grid.slices, 0,
                  grid.threads,       shared.data()};
    const int64_t phases = program.Phases(thread);
    for (int64_t phase = 0; phase < phases; ++phase) {
      for (int i = 0; i < grid.threads; ++i) {
        thread.index = static_cast<int>(at(i, grid.threads));
        program.Run(phase, thread);
      }
    }
  }
  return "";
}

inline std::string Clear(void* p, size_t bytes, const CudaStream&) {
  if (bytes > 0) std::memset(p, 0, bytes);
  return "";
}

#endif

// How many blocks work on `items`, so many items each. The limits do not depend on the device, so
// that results do not either.
inline int64_t SlicesFor(int64_t items, int64_t items_per_block, int64_t groups,
                         int64_t most_blocks) {
  const int64_t wanted = (items + items_per_block - 1) / items_per_block;
  const int64_t most = std::max<int64_t>(most_blocks / std::max<int64_t>(groups, 1), 1);
  return std::clamp<int64_t>(std::min(wanted, most), 1, kMostSlices);
}

}  // namespace softpool

#endif  // SOFTPOOL_CUDA_LAUNCH_H_
