// Fuzzes the engine and all poolings: any call of any op is either refused with a message, or runs.
//
// What runs must give the same bits with any number of threads, and must be near what two other
// ways give: the CUDA kernels, which run on the host with another driver and one lane, and the
// plain form of the pooling.
#include <algorithm>
#include <cmath>
#include <exception>
#include <string>
#include <vector>

#include "kernel_inputs.h"
#include "plain.h"
#include "random_call.h"
#include "softpool/engine/cuda_stream.h"
#include "softpool/engine/op.h"

namespace softpool {
namespace {

// A call's outputs, each of exactly its size.
struct Outputs {
  std::vector<Block> memory;
  std::vector<Tensor> tensors;
};

// Returns outputs filled with `garbage`, or none if they are too large.
Outputs OutputsOf(const Call& call, int garbage) {
  Outputs outputs;
  for (size_t i = 0; i < call.op->outputs.size(); ++i) {
    Tensor& tensor = outputs.tensors.emplace_back();
    if (IsAbsent(call, call.op->outputs[i])) continue;
    tensor = OutputLike(call, i);
    const int64_t bytes = BytesOf(tensor);
    if (bytes < 0) return {};
    outputs.memory.emplace_back(new uint8_t[bytes]);
    std::fill_n(outputs.memory.back().get(), bytes, static_cast<uint8_t>(garbage));
    tensor.data = outputs.memory.back().get();
  }
  return outputs;
}

void CheckSameBits(const Call& call, const Outputs& some, const Outputs& others) {
  for (size_t i = 0; i < some.tensors.size(); ++i) {
    const Tensor& a = some.tensors[i];
    const Tensor& b = others.tensors[i];
    if (a.data == nullptr) continue;
    const auto bytes_of = [&a](const void* data) {
      const auto* first = static_cast<const uint8_t*>(data);
      std::vector<uint8_t> bytes(first, first + BytesOf(a));
      MakeNaNEqual(a.type, &bytes);
      return bytes;
    };
    Check(bytes_of(a.data) == bytes_of(b.data),
          call.op->name + ": the bits of " + call.op->outputs[i].name + " depend on the threads");
  }
}

// Ordinary results are of moderate size. So their errors are small beside the largest of a tensor.
void CheckNear(const Call& call, const Outputs& some, const Outputs& others) {
  for (size_t i = 0; i < some.tensors.size(); ++i) {
    const Tensor& a = some.tensors[i];
    const Tensor& b = others.tensors[i];
    if (a.data == nullptr) continue;
    const int64_t count = BytesOf(a) / static_cast<int64_t>(SizeOf(a.type));
    double largest = 1;
    for (int64_t n = 0; n < count; ++n) largest = std::max(largest, std::fabs(ValueAt(b, n)));
    for (int64_t n = 0; n < count; ++n) {
      const double x = ValueAt(a, n), y = ValueAt(b, n);
      const double allowed = SizeOf(a.type) == 2 ? 0.02 * largest : 1e-3 * largest;
      Check(x == y || std::fabs(x - y) <= allowed || (std::isnan(x) && std::isnan(y)),
            call.op->name + ": " + call.op->outputs[i].name + " is " + std::to_string(x) +
                " on a CPU, and " + std::to_string(y) + " on a GPU");
    }
  }
}

// Returns the values of a window. `o` names the window along each axis.
Values Window(const Call& call, int64_t outer, const int64_t* o, int64_t inner) {
  const PoolGeometry& g = call.geometry;
  Values values;
  for (int64_t i = g.axis[0].Begin(o[0]); i < g.axis[0].End(o[0]); ++i) {
    for (int64_t j = g.axis[1].Begin(o[1]); j < g.axis[1].End(o[1]); ++j) {
      for (int64_t k = g.axis[2].Begin(o[2]); k < g.axis[2].End(o[2]); ++k) {
        const int64_t position = ((outer * g.axis[0].in + i) * g.axis[1].in + j) * g.axis[2].in + k;
        values.push_back(ValueAt(call.inputs[0], position * g.inner + inner));
      }
    }
  }
  return values;
}

void CheckAgainstPlainForm(const Call& call, const Outputs& outputs) {
  std::string name = call.op->name.substr(call.op->name.find('>') + 1);
  const bool ends_with_at = name.size() > 2 && name.substr(name.size() - 2) == "At";
  if (call.op->placed && ends_with_at) name.resize(name.size() - 2);
  const auto plain = PlainPoolings().find(name);
  if (plain == PlainPoolings().end()) return;
  if (call.op->HasOptional() && call.attributes->Int("N") != 0) return;  // draws
  const PoolGeometry& g = call.geometry;
  const Tensor& y = outputs.tensors[0];
  const bool has_parameter =
      call.op->inputs.size() > 1 && call.op->inputs[1].role == Role::kChannels;
  int64_t at = 0;
  for (int64_t outer = 0; outer < g.outer; ++outer) {
    for (int64_t window = 0; window < g.OutputPositions(); ++window) {
      const int64_t rest = window / g.axis[2].out;
      const int64_t o[] = {rest / g.axis[1].out, rest % g.axis[1].out, window % g.axis[2].out};
      for (int64_t inner = 0; inner < g.inner; ++inner, ++at) {
        const int64_t channel = outer % g.outer_channels * g.inner + inner;
        const double parameter = has_parameter ? ValueAt(call.inputs[1], channel) : 0;
        const double expected = plain->second(Window(call, outer, o, inner), parameter);
        const double allowed = (SizeOf(y.type) == 2 ? 0.02 : 1e-4) * (1 + std::fabs(expected));
        Check(std::fabs(ValueAt(y, at) - expected) <= allowed,
              call.op->name + ": a window is " + std::to_string(ValueAt(y, at)) + " instead of " +
                  std::to_string(expected));
      }
    }
  }
}

void RunOnHost(const Call& call) {
  std::vector<Block> blocks;
  const CudaStream cuda{nullptr, [&blocks](size_t bytes) -> void* {
                          blocks.emplace_back(new uint8_t[bytes]);
                          return blocks.back().get();
                        }};
  const std::string error = call.op->cuda(call, cuda);
  Check(error.empty(), error);
}

void Fuzz(Bytes bytes) {
  RandomCall random(&bytes);
  Call& call = random.call;
  try {
    if (!Prepare(&call).empty()) return;
  } catch (const std::invalid_argument&) {
    return;
  }
  const bool is_small = !random.is_vast && call.geometry.LargestWindow() <= 4096;
  Outputs once = OutputsOf(call, 0xAB);
  if (once.tensors.empty() || (!is_small && !call.geometry.Empty())) return;
  call.outputs = once.tensors;
  RunOnCpu(call, Threads(1));
  const Outputs again = OutputsOf(call, 0x3C);
  call.outputs = again.tensors;
  RunOnCpu(call, Threads(3));
  // Outputs without a window are written only if they are parameters' gradients.
  if (call.geometry.Empty()) return;
  CheckSameBits(call, once, again);
  if (random.is_ordinary) CheckAgainstPlainForm(call, once);
  if (call.op->cuda == nullptr) return;
  const Outputs elsewhere = OutputsOf(call, 0x3C);
  call.outputs = elsewhere.tensors;
  RunOnHost(call);
  if (random.is_ordinary) CheckNear(call, once, elsewhere);
}

}  // namespace
}  // namespace softpool

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  softpool::Fuzz({data, size});
  return 0;
}
