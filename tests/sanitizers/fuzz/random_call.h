// A call of an op, as a fuzzer's bytes describe it.
#ifndef TF_SOFTPOOL_TESTS_SANITIZERS_FUZZ_RANDOM_CALL_H_
#define TF_SOFTPOOL_TESTS_SANITIZERS_FUZZ_RANDOM_CALL_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "bytes.h"
#include "softpool/engine/op.h"

namespace softpool {

// Each tensor is a block of the heap of exactly its size, so that AddressSanitizer sees every
// access beside it.
using Block = std::unique_ptr<uint8_t[]>;

struct RandomCall {
  explicit RandomCall(Bytes* bytes);
  RandomCall(const RandomCall&) = delete;
  RandomCall& operator=(const RandomCall&) = delete;

  Attributes attributes;
  Call call;
  std::vector<Block> memory;
  // Whether all values are finite and of moderate size, so that results can be compared.
  bool is_ordinary;
  // Whether the call's tensors are too large to be made. Such a call can be prepared, not run.
  bool is_vast = false;

 private:
  void SetAttributes(Bytes* bytes, size_t spatial);
  std::vector<int64_t> DimsOf(const TensorSpec& spec, Bytes* bytes);
  void Add(const TensorSpec& spec, DataType type, std::vector<int64_t> dims, Bytes* bytes);
  // Makes one thing of the call wrong, or perhaps wrong.
  void Spoil(Bytes* bytes);
};

// Returns the bytes of a tensor, or -1 if a tensor of this size is not made.
int64_t BytesOf(const Tensor& tensor);

// Returns an element of a tensor.
double ValueAt(const Tensor& tensor, int64_t index);

}  // namespace softpool

#endif  // TF_SOFTPOOL_TESTS_SANITIZERS_FUZZ_RANDOM_CALL_H_
