// What compilers are told: where code runs, and what a library shows to others.
#ifndef SOFTPOOL_SIMD_COMPILER_H_
#define SOFTPOOL_SIMD_COMPILER_H_

// Code that runs on the host and, as part of a CUDA kernel, on a device.
#if defined(__CUDACC__)
#define SOFTPOOL_HOST_DEVICE __host__ __device__
#else
#define SOFTPOOL_HOST_DEVICE
#endif

// What libraries beside that of the TensorFlow ops may call.
#define SOFTPOOL_EXPORT __attribute__((visibility("default")))

#endif  // SOFTPOOL_SIMD_COMPILER_H_
