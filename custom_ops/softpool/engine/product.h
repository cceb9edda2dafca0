// Products of sizes.
#ifndef SOFTPOOL_ENGINE_PRODUCT_H_
#define SOFTPOOL_ENGINE_PRODUCT_H_

#include <cstdint>
#include <limits>

namespace softpool {

// Returns a b, for sizes, or the largest number instead of overflowing. Beside a size of zero,
// others may be enormous.
inline int64_t ProductOrMost(int64_t a, int64_t b) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  return b > 0 && a > kMost / b ? kMost : a * b;
}

}  // namespace softpool

#endif  // SOFTPOOL_ENGINE_PRODUCT_H_
