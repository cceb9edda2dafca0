// The CUDA kernels as one function of C, for tests and measurements to call without TensorFlow. The
// same source makes two libraries: one that runs on a card, and one that runs the kernels' threads
// on the host, one after the other.
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "kernels/detail_preserving_pool.h"
#include "kernels/importance_pool.h"
#include "kernels/soft_pool.h"
#include "kernels/sorted_pool.h"

namespace softpool {
namespace {

struct Call {
  std::string op;
  DataType type;
  PoolGeometry geometry;
  const int64_t* options;
  const void* const* in;
  void* const* out;
  CudaStream cuda;
};

RankLogits LogitsOf(const Call& c) {
  return {c.in[1], c.options[0], c.options[1] != 0, c.options[2] != 0};
}

DetailInputs DetailOf(const Call& c) {
  const int guides = c.options[0] != 0;
  return {
      c.in[0], guides ? c.in[1] : nullptr, {c.in[1 + guides], c.in[2 + guides], c.options[1] != 0}};
}

std::string Run(const Call& c) {
  if (c.op == "SoftPool") return SoftPool(c.type, c.geometry, c.in[0], c.out[0], c.cuda);
  if (c.op == "SoftPoolGrad") {
    const auto kind = c.options[0] ? SoftPoolGradient::kWeights : SoftPoolGradient::kExact;
    return SoftPoolGrad(c.type, c.geometry, kind, c.in[0], c.in[1], c.out[0], c.cuda);
  }
  if (c.op == "SortedPool") {
    return SortedPool(c.type, c.geometry, LogitsOf(c), c.in[0], c.out[0], c.cuda);
  }
  if (c.op == "SortedPoolGrad") {
    return SortedPoolGrad(c.type, c.geometry, LogitsOf(c), c.in[0], c.in[2], c.out[0], c.out[1],
                          c.cuda);
  }
  if (c.op == "ImportancePool") {
    return ImportancePool(c.type, c.geometry, c.in[0], c.in[1], c.out[0], c.cuda);
  }
  if (c.op == "ImportancePoolGrad") {
    return ImportancePoolGrad(c.type, c.geometry, c.in[0], c.in[1], c.in[2], c.out[0], c.out[1],
                              c.cuda);
  }
  if (c.op == "DetailPreservingPool") {
    return DetailPreservingPool(c.type, c.geometry, DetailOf(c), c.out[0], c.cuda);
  }
  if (c.op == "DetailPreservingPoolGrad") {
    const int guides = c.options[0] != 0;
    const DetailGradients gradients{c.out[0], guides ? c.out[1] : nullptr, c.out[1 + guides],
                                    c.out[2 + guides]};
    return DetailPreservingPoolGrad(c.type, c.geometry, DetailOf(c), c.in[3 + guides], gradients,
                                    c.cuda);
  }
  return "no such op: " + c.op;
}

}  // namespace
}  // namespace softpool

// Inputs and outputs come in the order of TensorFlow's op of that name. `type` counts float16,
// bfloat16, float32, float64. Options are, by pooling: soft: whether weights are sent back alone;
// sorted: pool_range, whether it is per channel, whether it is a softmax; detail-preserving:
// whether there is a guide, whether it is symmetric. Returns what is wrong, or an empty string,
// which lasts until the next call.
extern "C" __attribute__((visibility("default"))) const char* tf_softpool_run(
    const char* op, int type, int rank, const int64_t* dims, const int64_t* ksize,
    const int64_t* strides, int same, int channels_first, const int64_t* options,
    const void* const* inputs, void* const* outputs, void* stream, void* (*allocate)(size_t)) {
  static thread_local std::string error;
  softpool::Call call{op, static_cast<softpool::DataType>(type), {}, options, inputs, outputs, {}};
  call.cuda = {stream, [allocate](size_t bytes) {
                 void* memory = allocate(bytes);
                 if (memory == nullptr) throw std::bad_alloc();
                 return memory;
               }};
  try {
    error = softpool::MakeGeometry(
        {dims, dims + rank}, {ksize, ksize + rank - 2}, {strides, strides + rank - 2},
        same ? softpool::Padding::kSame : softpool::Padding::kValid,
        channels_first ? softpool::DataFormat::kChannelsFirst : softpool::DataFormat::kChannelsLast,
        &call.geometry);
    if (error.empty()) error = softpool::Run(call);
  } catch (const std::exception& e) {
    error = e.what();
  }
  return error.c_str();
}
