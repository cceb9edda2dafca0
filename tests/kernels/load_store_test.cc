// Loads and stores of 16-bit types, and the exponential, on every SIMD target that this machine
// has.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "softpool/simd/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "load_store_test.cc"
#include <hwy/foreach_target.h>
// The per-target headers must come after foreach_target.h.
#include <hwy/highway.h>

#include "softpool/simd/exp_pow-inl.h"
#include "softpool/simd/load_store-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class T>
void LoadAll(const T* from, float* to, size_t count) {
  const hn::ScalableTag<float> d;
  for (size_t i = 0; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
    hn::StoreU(LoadAs(d, from + i), d, to + i);
  }
}
void LoadHalf(const Float16* from, float* to, size_t n) { LoadAll(from, to, n); }
void LoadBrain(const BFloat16* from, float* to, size_t n) { LoadAll(from, to, n); }
void StoreHalf(const float* from, Float16* to, size_t n) { StoreRow(from, to, n); }
void StoreBrain(const float* from, BFloat16* to, size_t n) { StoreRow(from, to, n); }

template <class T>
void ExpAll(const T* from, T* to, size_t count) {
  const hn::ScalableTag<T> d;
  for (size_t i = 0; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
    auto x = hn::LoadU(d, from + i);
    hn::StoreU(ScaledExp(d, &x), d, to + i);
  }
}
void ExpFloat(const float* from, float* to, size_t n) { ExpAll(from, to, n); }
void ExpDouble(const double* from, double* to, size_t n) { ExpAll(from, to, n); }

void MulAddFloat(const float* a, const float* b, const float* c, float* to, size_t count) {
  const hn::ScalableTag<float> d;
  for (size_t i = 0; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
    hn::StoreU(MulAdd(d, hn::LoadU(d, a + i), hn::LoadU(d, b + i), hn::LoadU(d, c + i)), d, to + i);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {
namespace {

HWY_EXPORT(LoadHalf);
HWY_EXPORT(LoadBrain);
HWY_EXPORT(StoreHalf);
HWY_EXPORT(StoreBrain);
HWY_EXPORT(MulAddFloat);
HWY_EXPORT(ExpFloat);
HWY_EXPORT(ExpDouble);

class Lanes : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { UseTarget(GetParam()); }
  void TearDown() override { UseTarget(0); }
};

float FromBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

// Returns the value of a half, by the definition of the format.
double HalfValue(int bits) {
  const int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  double magnitude =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  if (exponent == 31) magnitude = mantissa ? NAN : INFINITY;
  return bits & 0x8000 ? -magnitude : magnitude;
}

TEST_P(Lanes, LoadsEvery16BitValue) {
  std::vector<Float16> half(65536);
  std::vector<BFloat16> brain(65536);
  std::vector<float> from_half(65536), from_brain(65536);
  for (int i = 0; i < 65536; ++i) half[i].bits = brain[i].bits = i;
  HWY_DYNAMIC_DISPATCH(LoadHalf)(half.data(), from_half.data(), 65536);
  HWY_DYNAMIC_DISPATCH(LoadBrain)(brain.data(), from_brain.data(), 65536);
  for (int i = 0; i < 65536; ++i) {
    if (std::isnan(HalfValue(i))) {
      ASSERT_TRUE(std::isnan(from_half[i])) << i;
    } else {
      ASSERT_EQ(from_half[i], HalfValue(i)) << i;
      ASSERT_EQ(std::signbit(from_half[i]), i >= 32768) << i;
    }
    const float expected = FromBits(static_cast<uint32_t>(i) << 16);
    ASSERT_EQ(std::memcmp(&from_brain[i], &expected, 4), 0) << i;
  }
}

// Returns values, the midpoints between neighbours, and numbers a little to either side of the
// midpoints.
std::vector<float> Roundings(const std::vector<float>& values) {
  std::vector<float> out;
  for (size_t i = 0; i + 1 < values.size(); ++i) {
    const float a = values[i], b = values[i + 1];
    if (!std::isfinite(a) || !std::isfinite(b)) continue;
    const float middle = static_cast<float>((static_cast<double>(a) + b) / 2);
    for (float v : {a, middle, std::nextafterf(middle, 0), std::nextafterf(middle, 2 * b)}) {
      out.push_back(v);
      out.push_back(-v);
    }
  }
  for (float v : {INFINITY, -INFINITY, 65519.996f, 65520.0f, 65536.0f, 3.4e38f, 1e-30f, 1e-45f}) {
    out.push_back(v);
  }
  return out;
}

TEST_P(Lanes, StoresTheNearestTiesToEven) {
  std::vector<float> halves, brains;
  for (int i = 0; i < 31744; ++i) halves.push_back(static_cast<float>(HalfValue(i)));
  for (uint32_t i = 0; i < 32640; ++i) brains.push_back(FromBits(i << 16));

  const std::vector<float> x = Roundings(halves);
  std::vector<Float16> half(x.size());
  HWY_DYNAMIC_DISPATCH(StoreHalf)(x.data(), half.data(), x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::abs(x[i]) >= 65520) {
      ASSERT_EQ(half[i].bits & 0x7FFF, 0x7C00) << x[i];
      continue;
    }
    const double error = std::abs(HalfValue(half[i].bits) - x[i]);
    for (int step : {-1, 1}) {
      const int other_bits = half[i].bits + step;
      if ((other_bits & 0x7FFF) >= 0x7C00 || (half[i].bits & 0x7FFF) + step < 0) continue;
      const double other = std::abs(HalfValue(other_bits) - x[i]);
      ASSERT_TRUE(error < other || (error == other && half[i].bits % 2 == 0)) << x[i];
    }
  }

  const std::vector<float> z = Roundings(brains);
  std::vector<BFloat16> brain(z.size());
  HWY_DYNAMIC_DISPATCH(StoreBrain)(z.data(), brain.data(), z.size());
  for (size_t i = 0; i < z.size(); ++i) {
    const double stored = FromBits(static_cast<uint32_t>(brain[i].bits) << 16);
    if (std::isinf(stored)) {
      ASSERT_GE(std::abs(z[i]), 3.3895e38f);
      continue;
    }
    for (int step : {-1, 1}) {
      if ((brain[i].bits & 0x7FFF) + step < 0) continue;
      const double other = FromBits(static_cast<uint32_t>(brain[i].bits + step) << 16);
      const double error = std::abs(stored - z[i]), rival = std::abs(other - z[i]);
      ASSERT_TRUE(error < rival || (error == rival && brain[i].bits % 2 == 0)) << z[i];
    }
  }
}

TEST_P(Lanes, StoresNaNAsNaN) {
  const std::vector<float> nan = {NAN, -NAN, FromBits(0x7F800001), FromBits(0xFFFFFFFF)};
  std::vector<Float16> half(4);
  std::vector<BFloat16> brain(4);
  HWY_DYNAMIC_DISPATCH(StoreHalf)(nan.data(), half.data(), 4);
  HWY_DYNAMIC_DISPATCH(StoreBrain)(nan.data(), brain.data(), 4);
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(std::isnan(HalfValue(half[i].bits)));
    EXPECT_TRUE(std::isnan(FromBits(static_cast<uint32_t>(brain[i].bits) << 16)));
  }
}

TEST_P(Lanes, ProductsAndSumsAreRoundedOnce) {
  std::mt19937 random(0);
  std::vector<float> a, b, c;
  const auto add = [&](float x, float y, float z) {
    a.push_back(x);
    b.push_back(y);
    c.push_back(z);
  };
  const auto any = [&](int exponents) {
    const float mantissa = FromBits(0x3F800000u | (random() & 0x807FFFFFu));
    return std::ldexp(mantissa, static_cast<int>(random() % exponents) - exponents / 2);
  };
  for (int i = 0; i < 200000; ++i) add(any(40), any(40), any(60));
  // Sums just beside the middle between two floats: a first rounding would lose how far beside.
  for (int i = 0; i < 100000; ++i) {
    const float z = any(4);
    const float half_unit = std::ldexp(1.0f, std::ilogb(z) - 24);
    const float little = std::ldexp(1.0f, -23 + static_cast<int>(random() % 3));
    add(random() % 2 ? half_unit : -half_unit, 1 + (random() % 2 ? little : -little / 2), z);
  }
  for (float x : {0.0f, -0.0f, 1.0f, INFINITY, -INFINITY, NAN, 3e38f}) {
    for (float y : {0.0f, 1.0f, INFINITY, 3e38f}) {
      for (float z : {0.0f, -0.0f, -1.0f, INFINITY, -INFINITY, NAN}) add(x, y, z);
    }
  }
  while (a.size() % 64) add(1, 1, 1);
  std::vector<float> result(a.size());
  HWY_DYNAMIC_DISPATCH(MulAddFloat)(a.data(), b.data(), c.data(), result.data(), a.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const float expected = std::fma(a[i], b[i], c[i]);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(result[i])) << a[i] << " " << b[i] << " " << c[i];
    } else {
      ASSERT_EQ(result[i], expected) << a[i] << " " << b[i] << " " << c[i];
    }
  }
}

// Returns the largest relative error of a scaled exponential. The scale is divided out.
template <class T, class F>
double LargestError(const F& exp, int scale, T lowest) {
  std::vector<T> x;
  for (int i = 0; i < 1 << 18; ++i) x.push_back(lowest * (static_cast<T>(i) / (1 << 18)));
  for (T tiny : {T(0), T(-1e-7), T(-1e-20), T(-1e-38)}) x.push_back(tiny);
  x.resize((x.size() + 63) / 64 * 64, T(0));
  std::vector<T> y(x.size());
  exp(x.data(), y.data(), x.size());
  double largest = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const long double expected = std::ldexp(std::exp(static_cast<long double>(x[i])), scale);
    largest = std::max(largest, std::abs(static_cast<double>(y[i] / expected - 1)));
  }
  return largest;
}

TEST_P(Lanes, ExponentialIsAccurate) {
  EXPECT_LT(LargestError<float>(HWY_DYNAMIC_DISPATCH(ExpFloat), 32, -104.0f), 2.5e-7);
  EXPECT_LT(LargestError<double>(HWY_DYNAMIC_DISPATCH(ExpDouble), 64, -745.0), 5e-16);
}

TEST_P(Lanes, ExponentialOfTheExtremes) {
  const float lowest = -3.4e38f, infinity = INFINITY;
  const std::vector<float> x = {0.0f, -0.0f, -110.3f, lowest, -infinity, NAN,  -1e-45f, -200.0f,
                                0.0f, 0.0f,  0.0f,    0.0f,   0.0f,      0.0f, 0.0f,    0.0f};
  std::vector<float> y(16);
  HWY_DYNAMIC_DISPATCH(ExpFloat)(x.data(), y.data(), 16);
  EXPECT_EQ(y[0], 0x1p32f);
  EXPECT_EQ(y[1], 0x1p32f);
  for (int i : {2, 3, 4, 7}) EXPECT_EQ(y[i], 0.0f) << x[i];
  EXPECT_TRUE(std::isnan(y[5]));
  EXPECT_EQ(y[6], 0x1p32f);
}

INSTANTIATE_TEST_SUITE_P(Targets, Lanes, testing::ValuesIn(RunnableTargets()),
                         [](const auto& test) { return TargetName(test.param); });

}  // namespace
}  // namespace softpool
#endif  // HWY_ONCE
