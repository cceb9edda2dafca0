// The part of Highway that the mathematics uses, for vectors of one lane. With it, a thread of a
// CUDA kernel, on a device or on the host, computes what one lane of a CPU's vectors computes, to
// the last bit.
#ifndef SOFTPOOL_SIMD_ONE_LANE_H_
#define SOFTPOOL_SIMD_ONE_LANE_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "softpool/simd/compiler.h"

// Highway's macros, as a compiler for vectors of one lane needs them.
#if defined(HIGHWAY_HWY_BASE_H_)
#error "A file cannot be compiled for both Highway's vectors and vectors of one lane"
#endif
#if defined(__CUDACC__)
#define HWY_INLINE SOFTPOOL_HOST_DEVICE __forceinline__
#define HWY_NOINLINE SOFTPOOL_HOST_DEVICE __noinline__
#else
#define HWY_INLINE inline __attribute__((always_inline))
#define HWY_NOINLINE __attribute__((noinline))
#endif
#define HWY_ATTR
#define HWY_LIKELY(condition) (condition)
#define HWY_UNLIKELY(condition) (condition)
#define HWY_MIN(a, b) ((a) < (b) ? (a) : (b))
#define HWY_MAX(a, b) ((a) > (b) ? (a) : (b))
#define HWY_ALIGN
#define HWY_MAX_BYTES 8
#define HWY_NAMESPACE N_ONE_LANE
#define HWY_BEFORE_NAMESPACE() static_assert(true, "")
#define HWY_AFTER_NAMESPACE() static_assert(true, "")
#define HWY_ARCH_X86 0
#define HWY_NATIVE_FMA 1

namespace softpool {
namespace one_lane {

template <class T_>
struct Lane {
  using T = T_;
};
template <class T>
using ScalableTag = Lane<T>;
template <class T, size_t>
using CappedTag = Lane<T>;
template <class D>
using TFromD = typename D::T;
template <class D>
using Vec = typename D::T;
template <class D>
using Mask = bool;
template <class T, class D>
using Rebind = Lane<T>;
template <class D>
using RebindToUnsigned = Lane<std::conditional_t<sizeof(TFromD<D>) == 8, uint64_t, uint32_t>>;
template <class D>
using RebindToSigned = Lane<std::conditional_t<sizeof(TFromD<D>) == 8, int64_t, int32_t>>;

// clang-format off
template <class D> HWY_INLINE size_t Lanes(D) { return 1; }
template <class D> HWY_INLINE Vec<D> Zero(D) { return 0; }
template <class D> HWY_INLINE Vec<D> Set(D, TFromD<D> a) { return a; }
template <class D> HWY_INLINE Vec<D> Load(D, const TFromD<D>* p) { return *p; }
template <class D> HWY_INLINE Vec<D> LoadU(D, const TFromD<D>* p) { return *p; }
template <class D> HWY_INLINE void StoreU(Vec<D> a, D, TFromD<D>* p) { *p = a; }
template <class T> HWY_INLINE T GetLane(T a) { return a; }

template <class T> HWY_INLINE T Add(T a, T b) { return a + b; }
template <class T> HWY_INLINE T Sub(T a, T b) { return a - b; }
template <class T> HWY_INLINE T Mul(T a, T b) { return a * b; }
template <class T> HWY_INLINE T Div(T a, T b) { return a / b; }
template <class T> HWY_INLINE T Neg(T a) { return -a; }
template <class T> HWY_INLINE T Abs(T a) { return std::fabs(a); }
template <class T> HWY_INLINE T Sqrt(T a) { return std::sqrt(a); }
template <class T> HWY_INLINE T MulAdd(T a, T b, T c) { return std::fma(a, b, c); }
template <class T> HWY_INLINE T NegMulAdd(T a, T b, T c) { return std::fma(-a, b, c); }

template <class T> HWY_INLINE bool Eq(T a, T b) { return a == b; }
template <class T> HWY_INLINE bool Gt(T a, T b) { return a > b; }
template <class T> HWY_INLINE bool Ge(T a, T b) { return a >= b; }
template <class T> HWY_INLINE bool Lt(T a, T b) { return a < b; }
template <class T> HWY_INLINE bool Le(T a, T b) { return a <= b; }
template <class T> HWY_INLINE bool IsFinite(T a) { return a - a == 0; }
template <class T> HWY_INLINE bool IsNaN(T a) { return a != a; }
template <class D> HWY_INLINE bool RebindMask(D, bool mask) { return mask; }
template <class T> HWY_INLINE T IfThenElse(bool mask, T a, T b) { return mask ? a : b; }
template <class T> HWY_INLINE T IfThenElseZero(bool mask, T a) { return mask ? a : T{0}; }
template <class T> HWY_INLINE T IfThenZeroElse(bool mask, T a) { return mask ? T{0} : a; }
template <class D> HWY_INLINE bool AllTrue(D, bool mask) { return mask; }
template <class D> HWY_INLINE bool AllFalse(D, bool mask) { return !mask; }
template <class D> HWY_INLINE bool FirstN(D, size_t n) { return n > 0; }

// Operations on masks and on the bits of whole numbers.
template <class T> HWY_INLINE T And(T a, T b) { return a & b; }
template <class D, class T> HWY_INLINE Vec<D> BitCast(D, T a) {
  static_assert(sizeof(T) == sizeof(TFromD<D>), "BitCast() needs two types of the same size");
  TFromD<D> b;
  std::memcpy(&b, &a, sizeof(b));
  return b;
}
HWY_INLINE bool Not(bool a) { return !a; }
HWY_INLINE bool Or(bool a, bool b) { return a || b; }
HWY_INLINE uint32_t Or(uint32_t a, uint32_t b) { return a | b; }
HWY_INLINE float Or(float a, float b) {
  return BitCast(Lane<float>(), BitCast(Lane<uint32_t>(), a) | BitCast(Lane<uint32_t>(), b));
}
template <int kBits, class T> HWY_INLINE T ShiftLeft(T a) {
  return static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) << kBits);
}
template <int kBits, class T> HWY_INLINE T ShiftRight(T a) { return a >> kBits; }
template <class D, class T> HWY_INLINE Vec<D> ConvertTo(D, T a) {
  return static_cast<TFromD<D>>(a);
}
template <class D, class T> HWY_INLINE Vec<D> PromoteTo(D, T a) { return a; }
template <class D, class T> HWY_INLINE Vec<D> DemoteTo(D, T a) {
  return static_cast<TFromD<D>>(a);
}
// clang-format on

}  // namespace one_lane
}  // namespace softpool

#endif  // SOFTPOOL_SIMD_ONE_LANE_H_
