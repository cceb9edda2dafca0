// Loads and stores of vectors of lanes. They are the same to the last bit on every SIMD target.
#if defined(SOFTPOOL_SIMD_LOAD_STORE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_SIMD_LOAD_STORE_INL_H_
#undef SOFTPOOL_SIMD_LOAD_STORE_INL_H_
#else
#define SOFTPOOL_SIMD_LOAD_STORE_INL_H_
#endif

#include <algorithm>

#include "softpool/simd/types.h"
#include "softpool/simd/vector-inl.h"

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {
// Conversions of 16-bit types. Every target rounds to nearest, ties to even, and converts NaN to
// NaN. A target that has an instruction for a conversion uses it.
#undef SOFTPOOL_HARDWARE_FLOAT16
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
#define SOFTPOOL_HARDWARE_FLOAT16 1
#else
#define SOFTPOOL_HARDWARE_FLOAT16 0
#endif

template <class D>
HWY_INLINE V<D> LoadAs(D d, const hn::TFromD<D>* p) {
  return hn::LoadU(d, p);
}

template <class D>
HWY_INLINE V<D> LoadAs(D d, const BFloat16* p) {
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<uint16_t, D> d16;
  const auto bits = hn::PromoteTo(du, hn::LoadU(d16, reinterpret_cast<const uint16_t*>(p)));
  return hn::BitCast(d, hn::ShiftLeft<16>(bits));
}

template <class D>
HWY_INLINE V<D> LoadAs(D d, const Float16* p) {
#if defined(__CUDA_ARCH__)
  return __half2float(__ushort_as_half(p->bits));
#elif SOFTPOOL_HARDWARE_FLOAT16
  const hn::Rebind<hwy::float16_t, D> d16;
  return hn::PromoteTo(d, hn::LoadU(d16, reinterpret_cast<const hwy::float16_t*>(p)));
#else
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<uint16_t, D> d16;
  const auto half = hn::PromoteTo(du, hn::LoadU(d16, reinterpret_cast<const uint16_t*>(p)));
  const auto sign = hn::ShiftLeft<16>(hn::And(half, hn::Set(du, 0x8000u)));
  // The shift puts exponent and mantissa where float has them. The product corrects the exponent's
  // bias and also normalises subnormals. Infinity and NaN get float's largest exponent.
  const auto magnitude = hn::ShiftLeft<13>(hn::And(half, hn::Set(du, 0x7FFFu)));
  const auto scaled = hn::Mul(hn::BitCast(d, magnitude), hn::Set(d, 0x1p112f));
  const auto special = hn::BitCast(d, hn::Or(magnitude, hn::Set(du, 0x7F800000u)));
  const auto is_special = hn::Ge(hn::BitCast(d, magnitude), hn::Set(d, 0x1p-96f));
  return hn::Or(hn::IfThenElse(is_special, special, scaled), hn::BitCast(d, sign));
#endif
}

template <class D>
HWY_INLINE void StoreAs(D d, V<D> v, hn::TFromD<D>* p) {
  hn::StoreU(v, d, p);
}

// Stores the low 16 bits of each lane.
template <class D, class VU>
HWY_INLINE void StoreLow16(D, VU bits, uint16_t* p) {
  const hn::RebindToSigned<D> di;
  const hn::Rebind<uint16_t, D> d16;
  hn::StoreU(hn::DemoteTo(d16, hn::BitCast(di, bits)), d16, p);
}

template <class D>
HWY_INLINE void StoreAs(D d, V<D> v, BFloat16* p) {
#if defined(__CUDA_ARCH__)
  p->bits = __bfloat16_as_ushort(__float2bfloat16_rn(v));
#else
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::BitCast(du, v);
  // Rounds to nearest, ties to even: adds half a unit in the last place minus one, plus the last
  // bit that is kept.
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
  const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(bits, hn::Set(du, 0x7FFFu)), odd));
  const auto quiet_nan = hn::Or(hn::ShiftRight<16>(bits), hn::Set(du, 0x40u));
  const auto is_nan = hn::RebindMask(du, hn::IsNaN(v));
  StoreLow16(d, hn::IfThenElse(is_nan, quiet_nan, rounded), reinterpret_cast<uint16_t*>(p));
#endif
}

template <class D>
HWY_INLINE void StoreAs([[maybe_unused]] D d, V<D> v, Float16* p) {
#if defined(__CUDA_ARCH__)
  p->bits = __half_as_ushort(__float2half_rn(v));
#elif SOFTPOOL_HARDWARE_FLOAT16
  const hn::Rebind<hwy::float16_t, D> d16;
  hn::StoreU(hn::DemoteTo(d16, v), d16, reinterpret_cast<hwy::float16_t*>(p));
#else
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::BitCast(du, v);
  const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 0x8000u));
  const auto absolute = hn::Abs(v);
  const auto magnitude = hn::BitCast(du, absolute);
  // Normal results: corrects the exponent's bias, and rounds off 13 bits as bfloat16 rounds off 16.
  const auto odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(du, 1u));
  const auto rebiased = hn::Sub(magnitude, hn::Set(du, 112u << 23));
  const auto normal = hn::ShiftRight<13>(hn::Add(hn::Add(rebiased, hn::Set(du, 0xFFFu)), odd));
  // Subnormal results: the sum with 1/2 is rounded to a multiple of 2^-24.
  const auto half = hn::Set(d, 0.5f);
  const auto subnormal = hn::Sub(hn::BitCast(du, hn::Add(absolute, half)), hn::BitCast(du, half));
  const auto is_small = hn::RebindMask(du, hn::Lt(absolute, hn::Set(d, 0x1p-14f)));
  const auto is_large = hn::RebindMask(du, hn::Ge(absolute, hn::Set(d, 65520.0f)));
  const auto is_nan = hn::RebindMask(du, hn::IsNaN(v));
  auto result = hn::IfThenElse(is_small, subnormal, normal);
  result = hn::IfThenElse(is_large, hn::Set(du, 0x7C00u), result);
  result = hn::IfThenElse(is_nan, hn::Set(du, 0x7E00u), result);
  StoreLow16(d, hn::Or(result, sign), reinterpret_cast<uint16_t*>(p));
#endif
}

// Load one value in the type that it is computed in, and store one from that type.
template <class T>
HWY_INLINE ComputeType<T> LoadOne(const T* p) {
  return hn::GetLane(LoadAs(hn::CappedTag<ComputeType<T>, 1>(), p));
}
template <class T>
HWY_INLINE void StoreOne(ComputeType<T> value, T* p) {
  const hn::CappedTag<ComputeType<T>, 1> d;
  StoreAs(d, hn::Set(d, value), p);
}

// Stores `count` computed values as T, and rounds them if T is smaller.
template <class T>
HWY_INLINE void StoreRow(const ComputeType<T>* from, T* to, int64_t count) {
  const hn::ScalableTag<ComputeType<T>> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) StoreAs(d, hn::LoadU(d, from + i), to + i);
  if (i == count) return;
  HWY_ALIGN ComputeType<T> rest[HWY_MAX_BYTES / sizeof(ComputeType<T>)] = {};
  HWY_ALIGN T rounded[HWY_MAX_BYTES / sizeof(ComputeType<T>)];
  std::copy(from + i, from + count, rest);
  StoreAs(d, hn::Load(d, rest), rounded);
  std::copy(rounded, rounded + (count - i), to + i);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
