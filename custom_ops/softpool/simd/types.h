// The element types that every pooling accepts.
#ifndef SOFTPOOL_SIMD_TYPES_H_
#define SOFTPOOL_SIMD_TYPES_H_

#include <cstdint>
#include <type_traits>

namespace softpool {

// kInt32 is the type of seeds alone. No values are pooled in it.
enum class DataType { kFloat16, kBFloat16, kFloat32, kFloat64, kInt32 };

// The 16-bit types as they are stored. Their values are computed in float and rounded once, when
// they are stored.
struct Float16 {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

template <class T>
struct ComputeTypeOf {
  using type = float;
};
template <>
struct ComputeTypeOf<double> {
  using type = double;
};
// The type in which values of type T are computed.
template <class T>
using ComputeType = typename ComputeTypeOf<T>::type;

// A type with more digits and a larger range than C, a type that values are computed in. On a
// device this is double even for double, because a device has nothing wider.
#if defined(SOFTPOOL_ONE_LANE)
template <class C>
using WiderType = double;
#else
template <class C>
using WiderType = std::conditional_t<sizeof(C) == 4, double, long double>;
#endif

// Calls f with a value of the C++ type that `type`, a type of values, stands for. Only the type of
// the value matters.
template <class F>
void WithType(DataType type, const F& f) {
  switch (type) {
    case DataType::kFloat16:
      return f(Float16());
    case DataType::kBFloat16:
      return f(BFloat16());
    case DataType::kFloat32:
      return f(float());
    case DataType::kFloat64:
      return f(double());
    case DataType::kInt32:
      return;
  }
}

}  // namespace softpool

#endif  // SOFTPOOL_SIMD_TYPES_H_
