// The CUDA kernels as one C function, which tests and measurements call without TensorFlow. The
// same source makes two libraries. One runs the kernels on a card. The other runs the kernels'
// threads on the host, one after the other.
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "softpool/engine/cuda_stream.h"
#include "softpool/engine/op.h"

namespace {

// A tensor of a call. The address of an absent optional tensor is null.
struct CTensor {
  void* data;
  int type;  // the index in float16, bfloat16, float32, float64, int32
  int rank;
  const int64_t* dims;
};

// An attribute of a call: a text, a list of whole numbers, a single whole number, or a truth value.
// A truth value is true if the first number is not zero.
struct CAttribute {
  const char* name;
  const char* text;
  int count;  // of numbers in a list; -1: a single number; -2: a truth value
  const int64_t* numbers;
};

softpool::Attributes::Value ValueOf(const CAttribute& attribute) {
  if (attribute.text != nullptr) return std::string(attribute.text);
  if (attribute.count == -1) return *attribute.numbers;
  if (attribute.count == -2) return *attribute.numbers != 0;
  return std::vector<int64_t>(attribute.numbers, attribute.numbers + attribute.count);
}

std::vector<softpool::Tensor> TensorsOf(const CTensor* tensors, size_t count) {
  std::vector<softpool::Tensor> all;
  for (size_t i = 0; i < count; ++i) {
    const CTensor& t = tensors[i];
    all.push_back({t.data, static_cast<softpool::DataType>(t.type), {t.dims, t.dims + t.rank}});
  }
  return all;
}

std::string Run(const char* op, const CAttribute* attributes, int attribute_count,
                const CTensor* inputs, const CTensor* outputs, const softpool::CudaStream& cuda) {
  softpool::Call call;
  call.op = softpool::FindOp(std::string("Softpool>") + op);
  if (call.op == nullptr || call.op->cuda == nullptr) return "no such op: " + std::string(op);
  softpool::Attributes values;
  for (int i = 0; i < attribute_count; ++i) values.Set(attributes[i].name, ValueOf(attributes[i]));
  call.attributes = &values;
  call.inputs = TensorsOf(inputs, call.op->inputs.size());
  call.outputs = TensorsOf(outputs, call.op->outputs.size());
  const std::string error = softpool::Prepare(&call);
  return error.empty() ? call.op->cuda(call, cuda) : error;
}

}  // namespace

// Runs an op. Inputs and outputs come in the order of the op's description. Returns an error
// message or an empty string, which lasts until the next call.
extern "C" __attribute__((visibility("default"))) const char* tf_softpool_run(
    const char* op, const CAttribute* attributes, int attribute_count, const CTensor* inputs,
    const CTensor* outputs, void* stream, void* (*allocate)(size_t)) {
  static thread_local std::string error;
  const softpool::CudaStream cuda{stream, [allocate](size_t bytes) {
                                    void* memory = allocate(bytes);
                                    if (memory == nullptr) throw std::bad_alloc();
                                    return memory;
                                  }};
  try {
    error = Run(op, attributes, attribute_count, inputs, outputs, cuda);
  } catch (const std::exception& e) {
    error = e.what();
  }
  return error.c_str();
}
