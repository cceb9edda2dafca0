// Macros for compilers: where code runs, and what a library exports.
#ifndef SOFTPOOL_SIMD_COMPILER_H_
#define SOFTPOOL_SIMD_COMPILER_H_

// Marks code that runs on the host and, as part of a CUDA kernel, on a device.
#if defined(__CUDACC__)
#define SOFTPOOL_HOST_DEVICE __host__ __device__
#else
#define SOFTPOOL_HOST_DEVICE
#endif

// Marks what libraries other than that of the kernels may call.
#define SOFTPOOL_EXPORT __attribute__((visibility("default")))

#endif  // SOFTPOOL_SIMD_COMPILER_H_
