// Loading, storing and computing vectors of lanes, the same to the last bit on every SIMD target.
// Per-target header: included once for each target through hwy/foreach_target.h.
#if defined(TF_SOFTPOOL_KERNELS_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_LANES_INL_H_
#undef TF_SOFTPOOL_KERNELS_LANES_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_LANES_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "kernels/data_type.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using V = hn::Vec<D>;
template <class D>
using M = hn::Mask<D>;

// Larger is a if a > b, else b, and Smaller the other one, which is what x86's max and min do.
// Spelled out elsewhere, where zeros of different sign and NaN would come out differently.
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR
template <class D>
HWY_INLINE V<D> Larger(D, V<D> a, V<D> b) {
  return hn::Max(a, b);
}
template <class D>
HWY_INLINE V<D> Smaller(D, V<D> a, V<D> b) {
  return hn::Min(b, a);
}
#else
template <class D>
HWY_INLINE V<D> Larger(D, V<D> a, V<D> b) {
  return hn::IfThenElse(hn::Gt(a, b), a, b);
}
template <class D>
HWY_INLINE V<D> Smaller(D, V<D> a, V<D> b) {
  return hn::IfThenElse(hn::Gt(a, b), b, a);
}
#endif

#if !HWY_NATIVE_FMA && HWY_TARGET != HWY_SCALAR
// The floats nearest to a b + c, given as doubles. The product is exact, so that only the sum is
// rounded before the result is. Rounding it to odd, to that neighbour whose last bit is set, keeps
// the second rounding from being misled by the first.
template <class D>
HWY_INLINE V<hn::Rebind<float, D>> MulAddThroughDouble(D d, V<D> a, V<D> b, V<D> c) {
  const hn::RebindToUnsigned<D> du;
  const auto product = hn::Mul(a, b);
  const auto sum = hn::Add(product, c);
  const auto part = hn::Sub(sum, product);
  const auto lost = hn::Add(hn::Sub(product, hn::Sub(sum, part)), hn::Sub(c, part));
  const auto bits = hn::BitCast(du, sum);
  const auto one = hn::Set(du, 1u);
  const auto zero = hn::Zero(du);
  const auto inexact = hn::RebindMask(du, hn::Gt(hn::Abs(lost), hn::Zero(d)));
  const auto even = hn::Eq(hn::And(bits, one), zero);
  const auto outward = hn::Eq(hn::ShiftRight<63>(hn::Xor(bits, hn::BitCast(du, lost))), zero);
  const auto odd = hn::IfThenElse(outward, hn::Add(bits, one), hn::Sub(bits, one));
  const auto rounded = hn::IfThenElse(hn::And(inexact, even), odd, bits);
  return hn::DemoteTo(hn::Rebind<float, D>(), hn::BitCast(d, rounded));
}
#endif

// a b + c. In float it is rounded once: most targets do that in one instruction, and where there is
// none it is imitated, slowly, so that all have the same results. In double it is rounded twice,
// since the imitation would need a wider type.
template <class D>
HWY_INLINE V<D> MulAdd(D d, V<D> a, V<D> b, V<D> c) {
  (void)d;
  if constexpr (sizeof(hn::TFromD<D>) == 8) {
    return hn::Add(hn::Mul(a, b), c);
  } else {
#if HWY_NATIVE_FMA
    return hn::MulAdd(a, b, c);
#elif HWY_TARGET == HWY_SCALAR
    return hn::Set(d, std::fma(hn::GetLane(a), hn::GetLane(b), hn::GetLane(c)));
#else
    const hn::Half<D> dh;
    const hn::Rebind<double, decltype(dh)> dd;
    const auto low = MulAddThroughDouble(dd, hn::PromoteTo(dd, hn::LowerHalf(dh, a)),
                                         hn::PromoteTo(dd, hn::LowerHalf(dh, b)),
                                         hn::PromoteTo(dd, hn::LowerHalf(dh, c)));
    const auto high = MulAddThroughDouble(dd, hn::PromoteTo(dd, hn::UpperHalf(dh, a)),
                                          hn::PromoteTo(dd, hn::UpperHalf(dh, b)),
                                          hn::PromoteTo(dd, hn::UpperHalf(dh, c)));
    return hn::Combine(d, high, low);
#endif
  }
}

// c - a b where the product is exact: one rounding, with or without an instruction for it.
template <class D>
HWY_INLINE V<D> SubExactProduct(D, V<D> a, V<D> b, V<D> c) {
  return hn::NegMulAdd(a, b, c);
}

// 16-bit types: to nearest, ties to even, NaN to NaN, on every target.
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
#if SOFTPOOL_HARDWARE_FLOAT16
  const hn::Rebind<hwy::float16_t, D> d16;
  return hn::PromoteTo(d, hn::LoadU(d16, reinterpret_cast<const hwy::float16_t*>(p)));
#else
  const hn::RebindToUnsigned<D> du;
  const hn::Rebind<uint16_t, D> d16;
  const auto half = hn::PromoteTo(du, hn::LoadU(d16, reinterpret_cast<const uint16_t*>(p)));
  const auto sign = hn::ShiftLeft<16>(hn::And(half, hn::Set(du, 0x8000u)));
  // Exponent and mantissa in float's places; the product corrects the exponent's bias, and
  // normalises subnormals by the way. Infinity and NaN get float's largest exponent.
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
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::BitCast(du, v);
  // To nearest, ties to even: half a unit in the last place less one, plus the last bit kept.
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
  const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(bits, hn::Set(du, 0x7FFFu)), odd));
  const auto quiet_nan = hn::Or(hn::ShiftRight<16>(bits), hn::Set(du, 0x40u));
  const auto is_nan = hn::RebindMask(du, hn::IsNaN(v));
  StoreLow16(d, hn::IfThenElse(is_nan, quiet_nan, rounded), reinterpret_cast<uint16_t*>(p));
}

template <class D>
HWY_INLINE void StoreAs(D d, V<D> v, Float16* p) {
#if SOFTPOOL_HARDWARE_FLOAT16
  const hn::Rebind<hwy::float16_t, D> d16;
  hn::StoreU(hn::DemoteTo(d16, v), d16, reinterpret_cast<hwy::float16_t*>(p));
#else
  (void)d;
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::BitCast(du, v);
  const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 0x8000u));
  const auto absolute = hn::Abs(v);
  const auto magnitude = hn::BitCast(du, absolute);
  // Normal results: the bias corrected, and rounded as bfloat16 is, 13 bits lower.
  const auto odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(du, 1u));
  const auto rebiased = hn::Sub(magnitude, hn::Set(du, 112u << 23));
  const auto normal = hn::ShiftRight<13>(hn::Add(hn::Add(rebiased, hn::Set(du, 0xFFFu)), odd));
  // Subnormal results: adding 1/2 lets the addition round to multiples of 2^-24.
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

// Stores `count` computed values as T, rounded if it is smaller.
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
