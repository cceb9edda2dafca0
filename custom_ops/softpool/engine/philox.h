// Random numbers that depend only on a seed and on an index: Philox 4x32 with ten rounds. Source:
// J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2,
// 3".
#ifndef SOFTPOOL_ENGINE_PHILOX_H_
#define SOFTPOOL_ENGINE_PHILOX_H_

#include <cstdint>

#include "softpool/simd/compiler.h"

namespace softpool {

struct Philox {
  static constexpr int kRounds = 10;
  // The factors of the counter's first and third words, and the steps of the key from round to
  // round.
  static constexpr uint32_t kFactor0 = 0xD2511F53, kFactor1 = 0xCD9E8D57;
  static constexpr uint32_t kStep0 = 0x9E3779B9, kStep1 = 0xBB67AE85;

  // Fills in the four words that the counter `block` gives.
  SOFTPOOL_HOST_DEVICE static void Block(uint32_t key0, uint32_t key1, uint64_t block,
                                         uint32_t* words) {
    uint32_t c0 = static_cast<uint32_t>(block), c1 = static_cast<uint32_t>(block >> 32);
    uint32_t c2 = 0, c3 = 0;
    for (int i = 0; i < kRounds; ++i) {
      const uint64_t p0 = uint64_t{kFactor0} * c0, p1 = uint64_t{kFactor1} * c2;
      c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ key0;
      c1 = static_cast<uint32_t>(p1);
      c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ key1;
      c3 = static_cast<uint32_t>(p0);
      key0 += kStep0;
      key1 += kStep1;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
  }

  // Returns a word's number from 0 to less than 1, a multiple of 2^-23.
  SOFTPOOL_HOST_DEVICE static float Uniform(uint32_t word) {
    return static_cast<float>(word & 0x7FFFFF) * 0x1p-23f;
  }
};

// Returns the random number of the window with this index.
template <class C>
SOFTPOOL_HOST_DEVICE C DrawAt(const int32_t* seed, int64_t index) {
  uint32_t words[4];
  Philox::Block(static_cast<uint32_t>(seed[0]), static_cast<uint32_t>(seed[1]),
                static_cast<uint64_t>(index) / 4, words);
  return static_cast<C>(Philox::Uniform(words[index % 4]));
}

}  // namespace softpool

#endif  // SOFTPOOL_ENGINE_PHILOX_H_
