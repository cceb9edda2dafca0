// What tests pass to kernels: tensors as bytes, and threads.
#ifndef TF_SOFTPOOL_TESTS_KERNELS_KERNEL_INPUTS_H_
#define TF_SOFTPOOL_TESTS_KERNELS_KERNEL_INPUTS_H_

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "softpool/engine/threads.h"
#include "softpool/simd/types.h"

namespace softpool {

inline size_t SizeOf(DataType type) {
  const bool has_16_bits = type == DataType::kFloat16 || type == DataType::kBFloat16;
  return type == DataType::kFloat64 ? 8 : has_16_bits ? 2 : 4;
}

// Returns a number that is nearly normally distributed, with mean 0 and standard deviation 2. The
// distributions of the standard library differ from platform to platform. This one does not: its
// sum is exact, and its product is rounded once, so that all digits of a double occur.
inline double NearlyNormal(std::mt19937* random) {
  double sum = -6 * 0x1p32;
  for (int i = 0; i < 12; ++i) sum += (*random)();
  return sum * 4.6566e-10;
}

// Returns random values of a type as bytes, the same on every platform. Some of the values are
// special: one in `rarity`, or none if that is zero.
inline std::vector<uint8_t> RandomTensor(DataType type, size_t count, unsigned seed,
                                         unsigned rarity = 97) {
  std::mt19937 random(seed);
  const double special[] = {INFINITY, -INFINITY, 0.0,       -0.0,      1e30,      -1e30,
                            1e-42,    NAN,       -INFINITY, -INFINITY, -INFINITY, -INFINITY};
  std::vector<uint8_t> bytes(count * SizeOf(type));
  for (size_t i = 0; i < count; ++i) {
    const bool is_special = rarity > 0 && random() % rarity == 0;
    const double value = is_special ? special[random() % 12] : NearlyNormal(&random);
    const float narrow = static_cast<float>(value);
    uint32_t bits;
    std::memcpy(&bits, &narrow, 4);
    // Any 16 bits will do. A half takes the upper bits of the float, with infinity instead of most
    // NaN.
    const uint16_t upper = static_cast<uint16_t>(bits >> 16);
    const bool rarely = random() % 97 == 0;
    const uint16_t half = (upper & 0x7C00) == 0x7C00 && !rarely ? uint16_t(upper & 0xFC00) : upper;
    switch (type) {
      case DataType::kFloat64:
        std::memcpy(&bytes[8 * i], &value, 8);
        break;
      case DataType::kFloat32:
        std::memcpy(&bytes[4 * i], &narrow, 4);
        break;
      case DataType::kBFloat16:
        std::memcpy(&bytes[2 * i], &upper, 2);
        break;
      case DataType::kFloat16:
        std::memcpy(&bytes[2 * i], &half, 2);
        break;
      case DataType::kInt32:
        break;
    }
  }
  return bytes;
}

// Gives all NaN the same bits: NaN has many bit patterns, and the processor decides which one comes
// out.
template <class T>
inline void MakeNaNEqual(std::vector<uint8_t>* bytes, T exponent, T mantissa) {
  for (size_t i = 0; i < bytes->size(); i += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes->data() + i, sizeof(T));
    if ((value & exponent) == exponent && (value & mantissa)) value = exponent | mantissa;
    std::memcpy(bytes->data() + i, &value, sizeof(T));
  }
}

inline void MakeNaNEqual(DataType type, std::vector<uint8_t>* bytes) {
  switch (type) {
    case DataType::kFloat16:
      return MakeNaNEqual<uint16_t>(bytes, 0x7C00, 0x83FF);
    case DataType::kBFloat16:
      return MakeNaNEqual<uint16_t>(bytes, 0x7F80, 0x807F);
    case DataType::kFloat32:
      return MakeNaNEqual<uint32_t>(bytes, 0x7F800000u, 0x807FFFFFu);
    case DataType::kFloat64:
      return MakeNaNEqual<uint64_t>(bytes, 0x7FF0000000000000u, 0x800FFFFFFFFFFFFFu);
    case DataType::kInt32:
      return;
  }
}

inline ParallelFor Threads(int count) {
  return [count](int64_t units, int64_t, const Shard& shard) {
    std::vector<std::thread> threads;
    for (int t = 0; t < count; ++t) {
      threads.emplace_back([&, t] { shard(units * t / count, units * (t + 1) / count); });
    }
    for (std::thread& thread : threads) thread.join();
  };
}

// Returns ordinary numbers, the same on every platform. Parameters that are infinite or NaN would
// leave nothing to compare.
inline std::vector<uint8_t> Uniform(DataType type, int64_t count, double from, double to,
                                    unsigned seed) {
  std::mt19937 random(seed);
  std::vector<double> wide(count);
  for (double& v : wide) v = from + (to - from) * (random() * 0x1p-32);
  const std::vector<float> narrow(wide.begin(), wide.end());
  std::vector<uint8_t> bytes(count * SizeOf(type));
  const bool is_double = type == DataType::kFloat64;
  const void* from_bytes = is_double ? static_cast<const void*>(wide.data()) : narrow.data();
  std::memcpy(bytes.data(), from_bytes, bytes.size());
  return bytes;
}

}  // namespace softpool

#endif  // TF_SOFTPOOL_TESTS_KERNELS_KERNEL_INPUTS_H_
