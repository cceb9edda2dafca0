// What code needs that runs on the host and, as part of a CUDA kernel, on a device.
#ifndef TF_SOFTPOOL_KERNELS_HOST_DEVICE_H_
#define TF_SOFTPOOL_KERNELS_HOST_DEVICE_H_

#if defined(__CUDACC__)
#define SOFTPOOL_HOST_DEVICE __host__ __device__
#else
#define SOFTPOOL_HOST_DEVICE
#endif

#endif  // TF_SOFTPOOL_KERNELS_HOST_DEVICE_H_
