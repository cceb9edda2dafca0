// One value of a type in memory, and a few of them that lie side by side.
#ifndef TF_SOFTPOOL_KERNELS_CUDA_SCALAR_H_
#define TF_SOFTPOOL_KERNELS_CUDA_SCALAR_H_

#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/data_type.h"
#include "kernels/host_device.h"

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

namespace softpool {

SOFTPOOL_HOST_DEVICE inline float FromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}
SOFTPOOL_HOST_DEVICE inline uint32_t ToBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

SOFTPOOL_HOST_DEVICE inline float ToCompute(float v) { return v; }
SOFTPOOL_HOST_DEVICE inline double ToCompute(double v) { return v; }
SOFTPOOL_HOST_DEVICE inline float ToCompute(BFloat16 v) { return FromBits(uint32_t{v.bits} << 16); }
SOFTPOOL_HOST_DEVICE inline float ToCompute(Float16 v) {
#if defined(__CUDA_ARCH__)
  return __half2float(__ushort_as_half(v.bits));
#else
  // Exponent and mantissa in float's places; the product corrects the exponent's bias, and
  // normalises subnormals by the way.
  const uint32_t magnitude = (v.bits & 0x7FFFu) << 13;
  const uint32_t sign = (v.bits & 0x8000u) << 16;
  const bool special = magnitude >= 0x0F800000u;
  const uint32_t wide = special ? magnitude | 0x7F800000u : ToBits(FromBits(magnitude) * 0x1p112f);
  return FromBits(wide | sign);
#endif
}

// To nearest, ties to even.
SOFTPOOL_HOST_DEVICE inline void Round(float v, float* p) { *p = v; }
SOFTPOOL_HOST_DEVICE inline void Round(double v, double* p) { *p = v; }
SOFTPOOL_HOST_DEVICE inline void Round(float v, BFloat16* p) {
#if defined(__CUDA_ARCH__)
  p->bits = __bfloat16_as_ushort(__float2bfloat16_rn(v));
#else
  const uint32_t bits = ToBits(v);
  const bool nan = v != v;
  // Half a unit in the last place less one, plus the last bit kept.
  const uint32_t rounded = nan ? bits | 0x400000u : bits + 0x7FFFu + (bits >> 16 & 1u);
  p->bits = static_cast<uint16_t>(rounded >> 16);
#endif
}
SOFTPOOL_HOST_DEVICE inline void Round(float v, Float16* p) {
#if defined(__CUDA_ARCH__)
  p->bits = __half_as_ushort(__float2half_rn(v));
#else
  const float absolute = std::fabs(v);
  const uint32_t magnitude = ToBits(absolute), sign = ToBits(v) >> 16 & 0x8000u;
  uint32_t result;
  if (v != v) {
    result = 0x7E00u;
  } else if (absolute >= 65520.0f) {
    result = 0x7C00u;
  } else if (absolute < 0x1p-14f) {
    // Subnormal results: adding 1/2 lets the addition round to multiples of 2^-24.
    result = ToBits(absolute + 0.5f) - ToBits(0.5f);
  } else {
    const uint32_t rebiased = magnitude - (112u << 23);
    result = (rebiased + 0xFFFu + (magnitude >> 13 & 1u)) >> 13;
  }
  p->bits = static_cast<uint16_t>(result | sign);
#endif
}

// So many values that one instruction loads or stores, where the first of them is aligned to all.
template <class T, int kCount>
struct alignas(sizeof(T) * kCount) Pack {
  T values[kCount];
};

}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_CUDA_SCALAR_H_
