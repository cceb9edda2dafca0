// The random numbers of windows: one for each window, by its index in the output. They depend on
// the seed and the index alone, not on threads, tiles or lanes. TensorFlow's stateless random
// numbers are the same, for the algorithm Philox, the seed as its key, and a counter of zero.
#if defined(SOFTPOOL_ENGINE_DRAWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_ENGINE_DRAWS_INL_H_
#undef SOFTPOOL_ENGINE_DRAWS_INL_H_
#else
#define SOFTPOOL_ENGINE_DRAWS_INL_H_
#endif

#include <hwy/highway.h>

#include <array>

#include "softpool/engine/geometry.h"
#include "softpool/engine/philox.h"
#include "softpool/engine/scratch.h"
#include "softpool/engine/tiling.h"
#include "softpool/simd/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR
// A vector of counters of Philox, one in each lane.
template <class D>
struct PhiloxLanes {
  V<D> c0, c1, c2, c3;

  // Counters from `block` on.
  HWY_INLINE PhiloxLanes(D d, uint64_t block) : c2(hn::Zero(d)), c3(hn::Zero(d)) {
    const uint32_t low = static_cast<uint32_t>(block), high = static_cast<uint32_t>(block >> 32);
    c0 = hn::Add(hn::Set(d, low), hn::Iota(d, 0));
    const auto carried = hn::Lt(c0, hn::Set(d, low));
    c1 = hn::IfThenElse(carried, hn::Set(d, high + 1), hn::Set(d, high));
  }

  HWY_INLINE void Run(D d, uint32_t key0, uint32_t key1) {
    for (int i = 0; i < Philox::kRounds; ++i) {
      V<D> high0, low0, high1, low1;
      Multiply(d, c0, Philox::kFactor0, &high0, &low0);
      Multiply(d, c2, Philox::kFactor1, &high1, &low1);
      c0 = hn::Xor(hn::Xor(high1, c1), hn::Set(d, key0));
      c1 = low1;
      c2 = hn::Xor(hn::Xor(high0, c3), hn::Set(d, key1));
      c3 = low0;
      key0 += Philox::kStep0;
      key1 += Philox::kStep1;
    }
  }

 private:
  // Splits the product of 64 bits into two words.
  static HWY_INLINE void Multiply(D d, V<D> a, uint32_t factor, V<D>* high, V<D>* low) {
    const hn::RepartitionToWide<D> wide;
    const V<D> b = hn::Set(d, factor);
    const V<D> odd = hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, a)));
    const auto even_product = hn::MulEven(a, b), odd_product = hn::MulEven(odd, b);
    *high =
        hn::OddEven(hn::BitCast(d, odd_product), hn::BitCast(d, hn::ShiftRight<32>(even_product)));
    *low =
        hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd_product)), hn::BitCast(d, even_product));
  }
};

// Stores the numbers of a vector of counters at p. Returns how many.
HWY_INLINE int64_t StoreUniforms(uint32_t key0, uint32_t key1, uint64_t block, float* p) {
  const hn::ScalableTag<uint32_t> d;
  const hn::RebindToFloat<decltype(d)> df;
  PhiloxLanes<decltype(d)> lanes(d, block);
  lanes.Run(d, key0, key1);
  const auto uniform = [&](V<decltype(d)> words) HWY_ATTR {
    const auto number = hn::And(words, hn::Set(d, 0x7FFFFFu));
    return hn::Mul(hn::ConvertTo(df, hn::BitCast(hn::RebindToSigned<decltype(d)>(), number)),
                   hn::Set(df, 0x1p-23f));
  };
  hn::StoreInterleaved4(uniform(lanes.c0), uniform(lanes.c1), uniform(lanes.c2), uniform(lanes.c3),
                        df, p);
  return 4 * static_cast<int64_t>(hn::Lanes(d));
}
#else
HWY_INLINE int64_t StoreUniforms(uint32_t key0, uint32_t key1, uint64_t block, float* p) {
  uint32_t words[4];
  Philox::Block(key0, key1, block, words);
  for (int i = 0; i < 4; ++i) p[i] = Philox::Uniform(words[i]);
  return 4;
}
#endif

// One thread's memory for draws.
template <class C>
class Draws {
 public:
  using Row = std::array<int64_t, 2>;  // a row's position along the first two axes

  // Returns the index of a row's first window in the output, of channel zero.
  static int64_t First(const PoolGeometry& g, int64_t image, const Row& row) {
    return ((image * g.axis[0].out + row[0]) * g.axis[1].out + row[1]) * g.axis[2].out * g.inner;
  }

  // Returns the draws of windows of a row, for an index in the output: draws[i] is that of the
  // window with index i. Only the draws of `last` and `channels` are there.
  const C* OfRow(const int32_t* seed, const PoolGeometry& g, int64_t image, const Row& row,
                 Range last, Range channels) {
    const int64_t first = First(g, image, row) + last.begin * g.inner;
    // Numbers are made in fours, and before and after the wanted ones.
    C* memory = memory_.Reserve(last.Size() * g.inner + 2 * kMore) + kMore;
    if (channels.Size() == g.inner) {
      Fill(seed, first, last.Size() * g.inner, memory);
    } else {
      for (int64_t i = channels.begin; i < last.Size() * g.inner; i += g.inner) {
        Fill(seed, first + i, channels.Size(), memory + i);
      }
    }
    return memory - first;
  }

 private:
  // As many numbers as the longest vectors of counters give, and three more.
  static constexpr int64_t kMore = 4 * kPackedLanes + 3;

  // Fills in `count` numbers from an index on, at `to`. May write less than kMore numbers more.
  HWY_NOINLINE static void Fill(const int32_t* seed, int64_t index, int64_t count, C* to) {
    const int64_t before = index % 4;
    uint64_t block = static_cast<uint64_t>(index / 4);
    HWY_ALIGN float numbers[4 * kPackedLanes];
    for (int64_t i = -before; i < count;) {
      float* p = numbers;
      if constexpr (sizeof(C) == sizeof(float)) p = to + i;
      const int64_t made =
          StoreUniforms(static_cast<uint32_t>(seed[0]), static_cast<uint32_t>(seed[1]), block, p);
      if constexpr (sizeof(C) != sizeof(float)) {
        for (int64_t k = 0; k < made; ++k) to[i + k] = static_cast<C>(numbers[k]);
      }
      i += made;
      block += static_cast<uint64_t>(made / 4);
    }
  }

  Scratch<C> memory_;
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
