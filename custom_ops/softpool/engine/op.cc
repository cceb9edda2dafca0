#include "softpool/engine/op.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <numeric>
#include <stdexcept>

#include "softpool/engine/product.h"

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
    case DataType::kInt32:
      return "int32";
  }
  return "?";
}

// No tensor has as many elements as the largest number.
int64_t ProductOf(const std::vector<int64_t>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, ProductOrMost);
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

int64_t CountOfPositions(const Call& call) {
  int64_t count = 0;
  for (size_t i = kAxes - call.attributes->Ints("ksize").size(); i < kAxes; ++i) {
    count += call.geometry.axis[i].out;
  }
  return count;
}

// Sets where the windows of a call lie. A graph or a program can hold any positions, so they are
// checked.
std::string PlaceWindows(const Tensor& positions, Call* call) {
  const auto* next = static_cast<const int32_t*>(positions.data);
  const Padding padding = PaddingNamed(call->attributes->String("padding"));
  for (size_t i = kAxes - call->attributes->Ints("ksize").size(); i < kAxes; ++i) {
    PoolAxis& axis = call->geometry.axis[i];
    int64_t all = 0;
    const int64_t window =
        call->attributes->Ints("ksize")[i + call->inputs[0].dims.size() - 2 - kAxes];
    const std::string error = OutputSize(axis.in, window, 1, padding, &all);
    if (!error.empty()) return error;
    for (int64_t o = 0; o < axis.out; ++o) {
      if (next[o] < 0 || next[o] >= all || (o > 0 && next[o] <= next[o - 1])) {
        return "positions must rise from 0 to at most " + std::to_string(all - 1) +
               " along each axis, got " + std::to_string(next[o]) + " for window " +
               std::to_string(o);
      }
    }
    axis.Place(next);
    next += axis.out;
  }
  return "";
}

// Returns the name of the op whose windows are placed.
std::string PlacedName(const std::string& name) {
  constexpr std::string_view kGrad = "Grad";
  const bool is_gradient =
      name.size() > kGrad.size() && name.substr(name.size() - kGrad.size()) == kGrad;
  return is_gradient ? name.substr(0, name.size() - kGrad.size()) + "AtGrad" : name + "At";
}

// Returns an op with the same kernel, whose windows are placed.
Op PlacedOp(const Op& op) {
  Op placed = op;
  placed.name = PlacedName(op.name);
  placed.summary = op.summary + " Windows lie at positions that are given.";
  placed.placed = true;
  const bool is_gradient = op.inputs.back().name == "grad";
  placed.inputs.insert(
      placed.inputs.end() - (is_gradient ? 1 : 0),
      {"positions", Role::kPositions,
       "Where windows lie, as numbers of windows that are one position apart: for each spatial "
       "axis one of every `strides` such windows, in rising order."});
  return placed;
}

// Returns what follows `name must have shape ..., ` in an error.
const char* MeaningOf(Role role) {
  switch (role) {
    case Role::kTaps:
      return "the shape of the input";
    case Role::kWindows:
      return "one value for each window";
    case Role::kSeed:
      return "the two numbers of a seed";
    case Role::kPositions:
      return "a position for each row and each column of windows";
    default:
      return "one value for each channel";
  }
}

std::string CheckInput(const Call& call, const TensorSpec& spec, const Tensor& tensor) {
  if (spec.role == Role::kSeed || spec.role == Role::kPositions) {
    if (tensor.type != DataType::kInt32) {
      return spec.name + " must be of type int32, got " + NameOf(tensor.type);
    }
  } else if (IsParameter(spec.role)) {
    const std::string error = CheckParameterType(spec.name, tensor.type, call.Type());
    if (!error.empty()) return error;
  } else if (tensor.type != call.Type()) {
    return spec.name + " must be of the input's type " + NameOf(call.Type()) + ", got " +
           NameOf(tensor.type);
  }
  std::vector<int64_t> expected = call.inputs[0].dims;
  if (spec.role == Role::kRanks) {
    return CheckRanks(spec.name, tensor.dims, call.attributes->Ints("ksize"),
                      PaddingNamed(call.attributes->String("padding")), call.geometry.Channels());
  }
  if (spec.role == Role::kPlaces) {
    return CheckPlaces(*call.op, spec.name, tensor.dims, *call.attributes,
                       call.geometry.Channels());
  }
  if (spec.role == Role::kWindows) expected = WindowDims(call);
  if (spec.role == Role::kChannels) expected = {call.geometry.Channels()};
  if (spec.role == Role::kSeed) expected = {2};
  if (spec.role == Role::kPositions) expected = {CountOfPositions(call)};
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

std::string CheckSize(const std::string& name, const std::vector<int64_t>& dims) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max() / int64_t{sizeof(double)};
  int64_t product = 1;
  for (int64_t size : dims) {
    if (size < 0) continue;
    if (size > 0 && product > kMost / size) {
      return "ksize and strides give " + name + " the shape " + ShapeText(dims) +
             ", which has more elements than can be counted";
    }
    product *= size;
  }
  return "";
}

std::string CheckChoice(const std::string& name, const std::string& value,
                        const std::string& type) {
  const std::string choices = type.substr(0, type.find('}') + 1);
  // With a quotation mark, a part of the list would look like a value.
  const bool is_plain = value.find('\'') == std::string::npos;
  if (choices.empty() || (is_plain && choices.find("'" + value + "'") != std::string::npos))
    return "";
  return name + " must be one of " + choices + ", got '" + value + "'";
}

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
  const bool has_16_bits = type == DataType::kFloat16 || type == DataType::kBFloat16;
  int64_t bytes = type == DataType::kFloat64 ? 8 : has_16_bits ? 2 : 4;
  for (int64_t n : dims) bytes *= n;
  return bytes;
}

const Tensor& Call::Input(std::string_view name) const { return Named(op->inputs, inputs, name); }
const Tensor& Call::Output(std::string_view name) const {
  return Named(op->outputs, outputs, name);
}

size_t InputLike(const Op& op, size_t output) {
  const Role role = op.outputs[output].role;
  const auto has_role = [role](const TensorSpec& spec) { return spec.role == role; };
  auto before = std::count_if(op.outputs.begin(),
                              op.outputs.begin() + static_cast<std::ptrdiff_t>(output), has_role);
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    if (has_role(op.inputs[i]) && before-- == 0) return i;
  }
  throw std::logic_error(op.name + " has more outputs than inputs with the role of " +
                         op.outputs[output].name);
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
  if (call->Type() == DataType::kInt32) return "cannot pool a tensor of type int32";
  const std::string error = LayOut(*call->op, call->inputs[0].dims, attributes, &call->geometry);
  if (!error.empty()) return error;
  const std::string too_large = CheckSize("the pooled tensor", WindowDims(*call));
  if (!too_large.empty()) return too_large;
  for (size_t i = 1; i < specs.size(); ++i) {
    if (IsAbsent(*call, specs[i])) continue;
    std::string wrong = CheckInput(*call, specs[i], call->inputs[i]);
    if (wrong.empty() && specs[i].role == Role::kPositions && !call->geometry.Empty()) {
      wrong = PlaceWindows(call->inputs[i], call);
    }
    if (!wrong.empty()) return wrong;
  }
  return "";
}

std::string LayOut(const Op& op, const std::vector<int64_t>& dims, const Attributes& attributes,
                   PoolGeometry* geometry) {
  const std::vector<int64_t>& ksize = attributes.Ints("ksize");
  std::vector<int64_t> strides = attributes.Ints("strides");
  std::string error = CheckAttributes(ksize, strides);
  if (!error.empty()) return error;
  const Padding padding = PaddingNamed(attributes.String("padding"));
  int64_t windows = 0;
  if (op.placed) error = WindowsOf(op, 1, 1, 1, padding, &windows);
  if (!error.empty()) return error;
  if (op.placed) std::fill(strides.begin(), strides.end(), 1);
  error = MakeGeometry(dims, ksize, strides, padding,
                       DataFormatNamed(attributes.String("data_format")), geometry);
  if (!error.empty()) return error;
  for (size_t i = 0; i < ksize.size(); ++i) {
    PoolAxis& axis = geometry->axis[kAxes - ksize.size() + i];
    if (op.placed) {
      axis.stride = attributes.Ints("strides")[i];
      axis.out = axis.out / axis.stride + (axis.out % axis.stride != 0);
    }
    if (op.around > 0 && axis.out > 0) axis.Surround(op.around);
  }
  return "";
}

std::string WindowsOf(const Op& op, int64_t in, int64_t window, int64_t stride, Padding padding,
                      int64_t* out) {
  if (op.placed && padding == Padding::kAdaptive) {
    return "padding 'ADAPTIVE' does not go with positions";
  }
  const std::string error = OutputSize(in, window, op.placed ? 1 : stride, padding, out);
  if (op.placed) *out = *out / stride + (*out % stride != 0);
  return error;
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
  if (role == Role::kRanks || role == Role::kPlaces) {
    like.dims = call.inputs.at(InputLike(*call.op, output)).dims;
  }
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
                       const std::vector<int64_t>& ksize, Padding padding, int64_t channels) {
  if (shape.size() != 1 && shape.size() != 2) {
    return name + " must have shape [pool_range] or [pool_range, channels], got " +
           ShapeText(shape);
  }
  // Windows that divide the input may be of any size. Ranks that a window lacks do not count.
  const int64_t window =
      padding == Padding::kAdaptive ? std::numeric_limits<int32_t>::max() : ProductOf(ksize);
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

std::string CheckPlaces(const Op& op, const std::string& name, const std::vector<int64_t>& shape,
                        const Attributes& attributes, int64_t channels) {
  std::vector<int64_t> size = attributes.Ints("ksize");
  if (op.around > 0) {
    std::fill(size.begin(), size.end(), op.around);
  } else if (PaddingNamed(attributes.String("padding")) == Padding::kAdaptive) {
    return name +
           " has values for the places of a window, so all windows must be of one size, "
           "which padding 'ADAPTIVE' does not ensure";
  }
  const int64_t places = ProductOf(size);
  const auto agrees = [&shape](size_t i, int64_t length) {
    return shape[i] < 0 || length < 0 || shape[i] == length;
  };
  if (shape.size() == 2 && agrees(0, places) && agrees(1, channels)) return "";
  return name + " must have shape " + ShapeText({places, channels}) +
         ", a row for each place in a window and a column for each channel, got " +
         ShapeText(shape);
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
  if (!op.placed) RegisterOp(PlacedOp(op));
  return true;
}

bool RegisterKernel(const std::string& op, CpuKernel kernel) {
  Registry& registry = TheRegistry();
  const std::lock_guard<std::recursive_mutex> lock(registry.mutex);
  registry.entries[op].op.cpu = kernel;
  registry.entries[PlacedName(op)].op.cpu = kernel;
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
