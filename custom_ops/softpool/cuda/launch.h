// Runs a kernel's threads: on a device, or one after the other on the host if there is no compiler
// for a device.
//
// A program is what the threads of a grid do: a struct of plain values with
//
//   int64_t Phases(const Thread&) const;       // the same for all threads of a block
//   void Run(int64_t phase, const Thread&) const;
//
// All threads of a block finish a phase before one of them begins the next. A barrier on a device
// and a loop on the host see to that. A thread keeps values from one phase to the next in shared
// memory.
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

// A grid of `groups` times `slices` blocks. The geometry divides the work into groups. The slices
// of one group share that group's work.
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

// The shared memory that every device gives a block without a special request.
inline constexpr size_t kMostShared = 48 * 1024;
inline constexpr int kThreads = 256;
// The limits of CUDA's grids.
inline constexpr int64_t kMostGroups = (int64_t{1} << 31) - 1, kMostSlices = 65535;

inline bool Fits(const Grid& grid) {
  return grid.groups <= kMostGroups && grid.slices <= kMostSlices && grid.threads <= kThreads &&
         grid.shared_bytes <= kMostShared;
}
inline constexpr char kTooLarge[] = "the kernel needs a larger grid than any device can run";

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
  // cudaLaunchKernel() returns the error of this launch and of no other.
  return CudaError(cudaLaunchKernel(reinterpret_cast<const void*>(&RunProgram<Program>), blocks,
                                    grid.threads, arguments, grid.shared_bytes,
                                    static_cast<cudaStream_t>(cuda.stream)));
}

// Sets memory to zero.
inline std::string Clear(void* p, size_t bytes, const CudaStream& cuda) {
  if (bytes == 0) return "";
  return CudaError(cudaMemsetAsync(p, 0, bytes, static_cast<cudaStream_t>(cuda.stream)));
}

#else

template <class Program>
std::string Launch(const Program& program, const Grid& grid, const CudaStream&) {
  if (!Fits(grid)) return kTooLarge;
  // A device runs threads in any order. Tests run them forwards and backwards: the order must not
  // matter.
  const bool backwards = std::getenv("SOFTPOOL_HOST_BACKWARDS") != nullptr;
  const auto at = [&](int64_t i, int64_t count) { return backwards ? count - 1 - i : i; };
  std::vector<double> shared(grid.shared_bytes / sizeof(double) + 1);
  for (int64_t block = 0; block < grid.groups * grid.slices; ++block) {
    const int64_t turn = at(block, grid.groups * grid.slices);
    // On a device, shared memory holds whatever was there before. The bytes 0xFF stand for that:
    // they are never zeros by chance.
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

// Returns how many blocks of a group share `items` items, if a block takes items_per_block at a
// time. The limits do not depend on the device, so results do not either.
inline int64_t SlicesFor(int64_t items, int64_t items_per_block, int64_t groups,
                         int64_t most_blocks) {
  const int64_t wanted = (items + items_per_block - 1) / items_per_block;
  const int64_t most = std::max<int64_t>(most_blocks / std::max<int64_t>(groups, 1), 1);
  return std::clamp<int64_t>(std::min(wanted, most), 1, kMostSlices);
}

}  // namespace softpool

#endif  // SOFTPOOL_CUDA_LAUNCH_H_
