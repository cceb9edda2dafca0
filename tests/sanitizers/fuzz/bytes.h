// The bytes that a fuzzer invents, read as numbers.
#ifndef TF_SOFTPOOL_TESTS_SANITIZERS_FUZZ_BYTES_H_
#define TF_SOFTPOOL_TESTS_SANITIZERS_FUZZ_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

namespace softpool {

// Reads numbers from bytes. All numbers after the end are zero.
class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}

  uint8_t Next() { return at_ == end_ ? uint8_t{0} : *at_++; }
  // Returns a number from zero to `count` - 1. `count` is at most 256.
  int64_t Below(int64_t count) { return Next() % count; }
  // Returns any whole number.
  int64_t Whole() {
    uint64_t bits = 0;
    for (int i = 0; i < 8; ++i) bits = bits << 8 | Next();
    return static_cast<int64_t>(bits);
  }

 private:
  const uint8_t* at_;
  const uint8_t* const end_;
};

// Ends the process if something does not hold. The fuzzer then keeps the bytes.
inline void Check(bool holds, const std::string& what) {
  if (holds) return;
  std::cerr << "ERROR: " << what << std::endl;
  std::abort();
}

}  // namespace softpool

#endif  // TF_SOFTPOOL_TESTS_SANITIZERS_FUZZ_BYTES_H_
