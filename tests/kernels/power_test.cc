// Logarithms and powers on every SIMD target that this machine has.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "softpool/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "power_test.cc"
#include <hwy/foreach_target.h>
// The per-target headers must come after foreach_target.h.
#include <hwy/highway.h>

#include "softpool/simd/exp_pow-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class T>
void PowerAll(const T* base, T power, T* log2, T* to, size_t count) {
  const hn::ScalableTag<T> d;
  for (size_t i = 0; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
    const Log2<hn::ScalableTag<T>> log(d, hn::LoadU(d, base + i));
    hn::StoreU(log.Sum(), d, log2 + i);
    hn::StoreU(Power(d, log, hn::Set(d, power)), d, to + i);
  }
}
void PowerFloat(const float* base, float power, float* log2, float* to, size_t n) {
  PowerAll(base, power, log2, to, n);
}
void PowerDouble(const double* base, double power, double* log2, double* to, size_t n) {
  PowerAll(base, power, log2, to, n);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {
namespace {

HWY_EXPORT(PowerFloat);
HWY_EXPORT(PowerDouble);

void RunPower(const float* base, float power, float* log2, float* to, size_t n) {
  HWY_DYNAMIC_DISPATCH(PowerFloat)(base, power, log2, to, n);
}
void RunPower(const double* base, double power, double* log2, double* to, size_t n) {
  HWY_DYNAMIC_DISPATCH(PowerDouble)(base, power, log2, to, n);
}

template <class T>
class PowerTest : public testing::Test {};
using Types = testing::Types<float, double>;
TYPED_TEST_SUITE(PowerTest, Types);

// Returns numbers from the smallest normal number to the largest, many of them near one.
template <class T>
std::vector<T> Bases() {
  using Limits = std::numeric_limits<T>;
  std::mt19937 random(1);
  std::uniform_real_distribution<double> exponent(Limits::min_exponent, Limits::max_exponent - 1);
  std::uniform_real_distribution<double> little(-1e-3, 1e-3);
  std::vector<T> bases = {1,
                          2,
                          T{0.5},
                          std::sqrt(T{0.5}),
                          std::nextafter(T{1}, T{0}),
                          std::nextafter(T{1}, T{2}),
                          Limits::min(),
                          Limits::max()};
  while (bases.size() < 1 << 14) {
    bases.push_back(static_cast<T>(std::exp2(exponent(random))));
    bases.push_back(static_cast<T>(1 + little(random)));
    bases.push_back(static_cast<T>(std::exp2(exponent(random) / 30)));
    bases.push_back(static_cast<T>(std::exp2(exponent(random) / 300)));
  }
  return bases;
}

TYPED_TEST(PowerTest, IsNearTheTruthAndTheSameOnAllTargets) {
  using T = TypeParam;
  using Limits = std::numeric_limits<T>;
  const std::vector<T> bases = Bases<T>();
  for (const double power : {0.5, 1.0, 0.0, -0.5, 1.7, 1e-3, 10.3, -3.0, 100.0}) {
    std::vector<T> first;
    for (int64_t target : RunnableTargets()) {
      UseTarget(target);
      std::vector<T> log2(bases.size()), result(bases.size());
      RunPower(bases.data(), static_cast<T>(power), log2.data(), result.data(), bases.size());
      if (first.empty()) first = result;
      EXPECT_EQ(result, first) << TargetName(target) << ", power " << power;
    }
    UseTarget(0);
    for (size_t i = 0; i < bases.size(); ++i) {
      const long double exact = std::pow(static_cast<long double>(bases[i]),
                                         static_cast<long double>(static_cast<T>(power)));
      if (exact > Limits::max() / 4) continue;
      const long double error = std::abs(first[i] - exact);
      // A multiple of the type's precision. It grows with the power, because a base's error does.
      // In double it also grows with the product, which is rounded before something is added.
      const long double product = sizeof(T) == 8 ? std::abs(std::log2(exact)) : 0;
      const long double precision = Limits::epsilon() * (2 + std::abs(power) + product);
      if (exact < 2 * Limits::min()) {
        ASSERT_LE(first[i], 2.1L * Limits::min()) << bases[i] << " to the power of " << power;
      } else {
        ASSERT_LE(error, precision * exact) << bases[i] << " to the power of " << power;
      }
    }
  }
}

TYPED_TEST(PowerTest, LogarithmIsNearTheTruth) {
  using T = TypeParam;
  const std::vector<T> bases = Bases<T>();
  std::vector<T> log2(bases.size()), result(bases.size());
  RunPower(bases.data(), T{1}, log2.data(), result.data(), bases.size());
  for (size_t i = 0; i < bases.size(); ++i) {
    const long double exact = std::log2(static_cast<long double>(bases[i]));
    const long double precision = 3 * std::numeric_limits<T>::epsilon();
    ASSERT_LE(std::abs(log2[i] - exact), precision * std::abs(exact)) << bases[i];
  }
}

}  // namespace
}  // namespace softpool
#endif  // HWY_ONCE
