#include "softpool/engine/op.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <stdexcept>

namespace softpool {
namespace {

const char* NameOf(DataType type) {
  switch (type) {
    case DataType::kFloat16:
      return "half";
    case DataType::kBFloat16:
      return "bfloat16";
    case DataType::kFloat32:
      return "float";
    case DataType::kFloat64:
      return "double";
  }
  return "?";
}

const Tensor& Named(const std::vector<TensorSpec>& specs, const std::vector<Tensor>& tensors,
                    std::string_view name) {
  for (size_t i = 0; i < specs.size(); ++i) {
    if (specs[i].name == name) return tensors.at(i);
  }
  throw std::logic_error("no tensor of the op is named " + std::string(name));
}

// Returns the shape of a tensor with a value for every window.
std::vector<int64_t> WindowDims(const Call& call) {
  std::vector<int64_t> dims = call.inputs[0].dims;
  const size_t spatial = dims.size() - 2;
  const std::string& format = call.attributes->String("data_format");
  const size_t first = DataFormatNamed(format) == DataFormat::kChannelsLast ? 1 : 2;
  for (size_t i = 0; i < spatial; ++i) {
    dims[first + i] = call.geometry.axis[kAxes - spatial + i].out;
  }
  return dims;
}

// Returns what follows `name must have shape ..., ` in an error.
const char* MeaningOf(Role role) {
  switch (role) {
    case Role::kTaps:
      return "the shape of the input";
    case Role::kWindows:
      return "one value for each window";
    default:
      return "one value for each channel";
  }
}

std::string CheckInput(const Call& call, const TensorSpec& spec, const Tensor& tensor) {
  if (IsParameter(spec.role)) {
    const std::string error = CheckParameterType(spec.name, tensor.type, call.Type());
    if (!error.empty()) return error;
  } else if (tensor.type != call.Type()) {
    return spec.name + " must be of the input's type " + NameOf(call.Type()) + ", got " +
           NameOf(tensor.type);
  }
  std::vector<int64_t> expected = call.inputs[0].dims;
  if (spec.role == Role::kRanks) {
    return CheckRanks(spec.name, tensor.dims, call.attributes->Ints("ksize"),
                      call.geometry.Channels());
  }
  if (spec.role == Role::kWindows) expected = WindowDims(call);
  if (spec.role == Role::kChannels) expected = {call.geometry.Channels()};
  if (tensor.dims == expected) return "";
  return spec.name + " must have shape " + ShapeText(expected) + ", " + MeaningOf(spec.role) +
         ", got " + ShapeText(tensor.dims);
}

// All ops, and the functions to call with each new op. Several threads may load libraries, hence
// the mutex.
struct Registry {
  struct Entry {
    Op op;
    bool described = false;
  };
  std::recursive_mutex mutex;
  std::map<std::string, Entry, std::less<>> entries;
  std::vector<std::function<void(const Op&)>> watchers;
};

// Never destroyed, because kernels may run while a process ends.
Registry& TheRegistry() {
  static auto* const registry = new Registry;
  return *registry;
}

}  // namespace

std::string ShapeText(const std::vector<int64_t>& dims) {
  std::string text;
  for (int64_t n : dims) text += (text.empty() ? "" : ",") + (n < 0 ? "?" : std::to_string(n));
  return "[" + text + "]";
}

void Attributes::Set(const std::string& name, Value value) {
  for (auto& [known, old] : values_) {
    if (known == name) {
      old = std::move(value);
      return;
    }
  }
  values_.emplace_back(name, std::move(value));
}

template <class T>
const T& Attributes::Get(std::string_view name) const {
  for (const auto& [known, value] : values_) {
    if (known != name) continue;
    const T* found = std::get_if<T>(&value);
    if (found != nullptr) return *found;
    throw std::invalid_argument("attribute " + std::string(name) +
                                " does not have the type that the kernel reads");
  }
  throw std::invalid_argument("attribute " + std::string(name) + " is missing");
}
template const int64_t& Attributes::Get(std::string_view) const;
template const double& Attributes::Get(std::string_view) const;
template const bool& Attributes::Get(std::string_view) const;
template const std::string& Attributes::Get(std::string_view) const;
template const std::vector<int64_t>& Attributes::Get(std::string_view) const;

bool Op::HasOptional() const {
  return std::any_of(inputs.begin(), inputs.end(), [](const TensorSpec& s) { return s.optional; });
}

int64_t Tensor::Bytes() const {
  int64_t bytes = type == DataType::kFloat64 ? 8 : type == DataType::kFloat32 ? 4 : 2;
  for (int64_t n : dims) bytes *= n;
  return bytes;
}

const Tensor& Call::Input(std::string_view name) const { return Named(op->inputs, inputs, name); }
const Tensor& Call::Output(std::string_view name) const {
  return Named(op->outputs, outputs, name);
}

size_t InputOfRanks(const Op& op, size_t output) {
  const auto is_of_ranks = [](const TensorSpec& spec) { return spec.role == Role::kRanks; };
  auto before = std::count_if(
      op.outputs.begin(), op.outputs.begin() + static_cast<std::ptrdiff_t>(output), is_of_ranks);
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    if (is_of_ranks(op.inputs[i]) && before-- == 0) return i;
  }
  throw std::logic_error(op.name + " has more outputs than inputs with the role kRanks");
}

bool IsAbsent(const Call& call, const TensorSpec& spec) {
  return spec.optional && call.attributes->Int("N") == 0;
}

std::string Prepare(Call* call) {
  const Attributes& attributes = *call->attributes;
  const std::vector<TensorSpec>& specs = call->op->inputs;
  const std::string optional = CheckOptional(*call->op, attributes);
  if (!optional.empty()) return optional;
  if (call->inputs.size() != specs.size()) {
    return call->op->name + " got " + std::to_string(call->inputs.size()) + " inputs instead of " +
           std::to_string(specs.size());
  }
  const std::string error =
      MakeGeometry(call->inputs[0].dims, attributes.Ints("ksize"), attributes.Ints("strides"),
                   PaddingNamed(attributes.String("padding")),
                   DataFormatNamed(attributes.String("data_format")), &call->geometry);
  if (!error.empty()) return error;
  for (size_t i = 1; i < specs.size(); ++i) {
    if (IsAbsent(*call, specs[i])) continue;
    const std::string wrong = CheckInput(*call, specs[i], call->inputs[i]);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

Tensor OutputLike(const Call& call, size_t output) {
  const Role role = call.op->outputs[output].role;
  const DataType computed =
      call.Type() == DataType::kFloat64 ? DataType::kFloat64 : DataType::kFloat32;
  Tensor like;
  like.type = IsParameter(role) ? computed : call.Type();
  if (role == Role::kTaps) like.dims = call.inputs[0].dims;
  if (role == Role::kWindows) like.dims = WindowDims(call);
  if (role == Role::kChannels) like.dims = {call.geometry.Channels()};
  if (role == Role::kRanks) like.dims = call.inputs.at(InputOfRanks(*call.op, output)).dims;
  return like;
}

std::string CheckOptional(const Op& op, const Attributes& attributes) {
  for (const TensorSpec& spec : op.inputs) {
    if (!spec.optional) continue;
    const int64_t count = attributes.Int("N");
    if (count != 0 && count != 1) {
      return spec.name + " must be an empty list or a list of one tensor, got a list of length " +
             std::to_string(count);
    }
  }
  return "";
}

std::string CheckParameterType(const std::string& name, DataType type, DataType input) {
  const DataType expected = input == DataType::kFloat64 ? DataType::kFloat64 : DataType::kFloat32;
  if (type == expected) return "";
  return name + " must be of type " + NameOf(expected) + " for input of type " + NameOf(input) +
         ", got " + NameOf(type);
}

std::string CheckRanks(const std::string& name, const std::vector<int64_t>& shape,
                       const std::vector<int64_t>& ksize, int64_t channels) {
  if (shape.size() != 1 && shape.size() != 2) {
    return name + " must have shape [pool_range] or [pool_range, channels], got " +
           ShapeText(shape);
  }
  // Saturates instead of overflowing: no tensor has that many ranks.
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  int64_t window = 1;
  for (int64_t k : ksize) window = window > kMost / k ? kMost : window * k;
  if (shape[0] == 0 || shape[0] > window) {
    return name + " must have from 1 to " + std::to_string(window) +
           " ranks, at most one for each position of a window of ksize " + ShapeText(ksize) +
           ", got shape " + ShapeText(shape);
  }
  if (shape.size() == 2 && shape[1] >= 0 && channels >= 0 && shape[1] != channels) {
    return name + " must have shape [pool_range] or [pool_range, " + std::to_string(channels) +
           "], one column for each channel, got " + ShapeText(shape);
  }
  return "";
}

void RunOnCpu(const Call& call, const ParallelFor& parallel) {
  if (call.op->cpu == nullptr) throw std::logic_error(call.op->name + " has no kernel for CPUs");
  if (!call.geometry.Empty()) return call.op->cpu(call, parallel);
  for (size_t i = 0; i < call.outputs.size(); ++i) {
    if (!IsParameter(call.op->outputs[i].role)) continue;
    const int64_t bytes = call.outputs[i].Bytes();
    if (bytes > 0) std::memset(call.outputs[i].data, 0, bytes);
  }
}

bool RegisterOp(const Op& op) {
  Registry& registry = TheRegistry();
  const std::lock_guard<std::recursive_mutex> lock(registry.mutex);
  Registry::Entry& entry = registry.entries[op.name];
  // The first description stays, because others may already hold it.
  if (entry.described) return false;
  const CpuKernel cpu = entry.op.cpu;
  const CudaKernel cuda = entry.op.cuda;
  entry = {op, true};
  entry.op.cpu = cpu;
  entry.op.cuda = cuda;
  for (const auto& watcher : registry.watchers) watcher(entry.op);
  return true;
}

bool RegisterKernel(const std::string& op, CpuKernel kernel) {
  Registry& registry = TheRegistry();
  const std::lock_guard<std::recursive_mutex> lock(registry.mutex);
  registry.entries[op].op.cpu = kernel;
  return true;
}

bool RegisterKernel(const std::string& op, CudaKernel kernel) {
  Registry& registry = TheRegistry();
  const std::lock_guard<std::recursive_mutex> lock(registry.mutex);
  registry.entries[op].op.cuda = kernel;
  return true;
}

bool ForEachOp(const std::function<void(const Op&)>& f) {
  Registry& registry = TheRegistry();
  const std::lock_guard<std::recursive_mutex> lock(registry.mutex);
  registry.watchers.push_back(f);
  for (const auto& [name, entry] : registry.entries) {
    if (entry.described) f(entry.op);
  }
  return true;
}

const Op* FindOp(std::string_view name) {
  Registry& registry = TheRegistry();
  const std::lock_guard<std::recursive_mutex> lock(registry.mutex);
  const auto found = registry.entries.find(name);
  return found == registry.entries.end() || !found->second.described ? nullptr : &found->second.op;
}

}  // namespace softpool
