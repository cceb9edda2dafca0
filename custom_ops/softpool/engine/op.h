// The description of an op: what it reads, what it writes, and which attributes it takes.
// TensorFlow's ops and kernels, XLA's handlers and the library that the CUDA tests call are all
// made from this one description. A pooling's folder describes its ops and registers their kernels.
// Nothing else knows which poolings there are.
#ifndef SOFTPOOL_ENGINE_OP_H_
#define SOFTPOOL_ENGINE_OP_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "softpool/engine/geometry.h"
#include "softpool/engine/threads.h"
#include "softpool/simd/compiler.h"
#include "softpool/simd/types.h"

namespace softpool {

struct CudaStream;

// What a tensor holds. The tensor's shape and type follow from this role.
enum class Role {
  kTaps,       // a value for every position of the input, of the input's type
  kWindows,    // a value for every window, of the input's type
  kChannels,   // a parameter of every channel, [channels], of the type that values are computed in
  kRanks,      // a parameter of every rank, [pool_range] or [pool_range, channels], of that type
  kPlaces,     // a parameter of every place in a window, [places, channels], of that type
  kSeed,       // the key of a pooling's random draws, two numbers of type int32
  kPositions,  // where windows lie along each spatial axis, axis after axis, numbers of type int32
};

// Returns whether a tensor with this role holds parameters instead of values.
inline bool IsParameter(Role role) {
  return role == Role::kChannels || role == Role::kRanks || role == Role::kPlaces;
}

struct TensorSpec {
  std::string name;
  Role role;
  std::string doc;
  // Whether the argument is a list of one tensor or none. The op's attribute N is the list's
  // length.
  bool optional = false;
};

// An attribute in addition to those that every pooling has: ksize, strides, padding, data_format.
struct AttributeSpec {
  std::string name;
  std::string type;  // in TensorFlow's notation, with the default: "{'exact', 'weights'} = 'exact'"
  std::string doc;
};

// The types, in the same notation, of two attributes that every pooling has.
inline constexpr char kPaddings[] = "{'SAME', 'VALID', 'ADAPTIVE'}";
inline constexpr char kDataFormats[] = "{'NHWC', 'NCHW'} = 'NHWC'";

// The attributes of one call, by name. Reading a missing attribute, or one of another type, throws
// std::invalid_argument.
class SOFTPOOL_EXPORT Attributes {
 public:
  using Value = std::variant<int64_t, double, bool, std::string, std::vector<int64_t>>;

  void Set(const std::string& name, Value value);
  int64_t Int(std::string_view name) const { return Get<int64_t>(name); }
  double Float(std::string_view name) const { return Get<double>(name); }
  bool Bool(std::string_view name) const { return Get<bool>(name); }
  const std::string& String(std::string_view name) const { return Get<std::string>(name); }
  const std::vector<int64_t>& Ints(std::string_view name) const {
    return Get<std::vector<int64_t>>(name);
  }

 private:
  template <class T>
  const T& Get(std::string_view name) const;

  // A vector, because no other container is faster for a handful of attributes.
  std::vector<std::pair<std::string, Value>> values_;
};

struct Call;
using CpuKernel = void (*)(const Call& call, const ParallelFor& parallel);
// Queues work on the stream and does not wait for it. Returns CUDA's error message, or an empty
// string.
using CudaKernel = std::string (*)(const Call& call, const CudaStream& cuda);

struct SOFTPOOL_EXPORT Op {
  std::string name;  // with its namespace, as TensorFlow knows it
  std::string summary;
  // The first input is the tensor that is pooled. Gradients are named as TensorFlow names them.
  std::vector<TensorSpec> inputs, outputs;
  std::vector<AttributeSpec> attributes;
  // If positive, the op's windows are this many positions around the centres of the pooling's
  // windows, along each axis.
  int64_t around = 0;
  // Whether the last input but the gradient says where the windows lie. Of all windows that are one
  // position apart, each axis then has one for every `strides` of them. RegisterOp() makes such an
  // op of every op: its name has "At" at the end, or before "Grad".
  bool placed = false;
  // Null if the op has no kernel for the device.
  CpuKernel cpu = nullptr;
  CudaKernel cuda = nullptr;

  bool HasOptional() const;
};

struct SOFTPOOL_EXPORT Tensor {
  void* data = nullptr;  // also null if an optional tensor is absent
  DataType type = DataType::kFloat32;
  std::vector<int64_t> dims;

  int64_t Bytes() const;
};

// One call of an op. Tensors are dense and in the order of the op's description.
struct SOFTPOOL_EXPORT Call {
  const Op* op = nullptr;
  const Attributes* attributes = nullptr;
  std::vector<Tensor> inputs, outputs;
  // Filled in by Prepare().
  PoolGeometry geometry;

  DataType Type() const { return inputs[0].type; }
  const Tensor& Input(std::string_view name) const;
  const Tensor& Output(std::string_view name) const;
};

// Checks a call's attributes and inputs against the op's description and lays out the windows.
// Returns an error message for the user, or an empty string.
SOFTPOOL_EXPORT std::string Prepare(Call* call);

// Returns a tensor without data that has the type and shape of an output of a prepared call.
// `output` is the output's index in the description.
SOFTPOOL_EXPORT Tensor OutputLike(const Call& call, size_t output);

// Checks that the bytes of a tensor can be counted in 64 bits. TensorFlow ends the process if they
// cannot. Lengths are multiplied in the order in which TensorFlow does: enormous ones may follow a
// zero. -1 stands for a length that is not known.
SOFTPOOL_EXPORT std::string CheckSize(const std::string& name, const std::vector<int64_t>& dims);

// Checks the value of a text attribute. `type` lists the values in TensorFlow's notation, as in
// AttributeSpec, or is "string".
SOFTPOOL_EXPORT std::string CheckChoice(const std::string& name, const std::string& value,
                                        const std::string& type);

// Formats a shape as in "[2,3]", with "?" for a dimension that is not known.
SOFTPOOL_EXPORT std::string ShapeText(const std::vector<int64_t>& dims);

// Returns the index of the input whose shape an output of parameters has. The first output of a
// role has the shape of the first input of this role, and so on.
SOFTPOOL_EXPORT size_t InputLike(const Op& op, size_t output);

// Checks the number of tensors in an op's optional list. Returns an error message or an empty
// string.
SOFTPOOL_EXPORT std::string CheckOptional(const Op& op, const Attributes& attributes);

// Checks the shape of parameters of role kPlaces. -1 stands for a length that is not known.
SOFTPOOL_EXPORT std::string CheckPlaces(const Op& op, const std::string& name,
                                        const std::vector<int64_t>& shape,
                                        const Attributes& attributes, int64_t channels);

// Computes the number of an op's windows along one dimension.
SOFTPOOL_EXPORT std::string WindowsOf(const Op& op, int64_t in, int64_t window, int64_t stride,
                                      Padding padding, int64_t* out);

// Lays out the windows of an op over a tensor of shape `dims`, by the attributes that all poolings
// have. Prepare() places them, if the op's windows are placed.
SOFTPOOL_EXPORT std::string LayOut(const Op& op, const std::vector<int64_t>& dims,
                                   const Attributes& attributes, PoolGeometry* geometry);

// Returns whether an optional tensor, input or output, is absent from this call.
SOFTPOOL_EXPORT bool IsAbsent(const Call& call, const TensorSpec& spec);

// Checks the type of parameters, for an input of type `input`.
SOFTPOOL_EXPORT std::string CheckParameterType(const std::string& name, DataType type,
                                               DataType input);
// Checks the shape of parameters of role kRanks, for windows of size `ksize` and `channels`
// channels. -1 stands for a length that is not known.
SOFTPOOL_EXPORT std::string CheckRanks(const std::string& name, const std::vector<int64_t>& shape,
                                       const std::vector<int64_t>& ksize, Padding padding,
                                       int64_t channels);

// Runs the op's kernel on a CPU. If there are no windows, sets the gradients of parameters to zero.
SOFTPOOL_EXPORT void RunOnCpu(const Call& call, const ParallelFor& parallel);

// Register an op or a kernel while a library is loaded. The return value is for a static variable
// to keep. An op and its kernels may come in any order. If there is an op of the same name already,
// RegisterOp() leaves the new one out and returns false.
SOFTPOOL_EXPORT bool RegisterOp(const Op& op);
SOFTPOOL_EXPORT bool RegisterKernel(const std::string& op, CpuKernel kernel);
SOFTPOOL_EXPORT bool RegisterKernel(const std::string& op, CudaKernel kernel);

// Calls f for every op that is already described, and later for every other op when it is
// described. It therefore does not matter which file of a library is initialised first. f is kept
// until the process ends, and must not refer to anything that is destroyed before.
SOFTPOOL_EXPORT bool ForEachOp(const std::function<void(const Op&)>& f);

// Returns null if there is no op of that name.
SOFTPOOL_EXPORT const Op* FindOp(std::string_view name);

}  // namespace softpool

#endif  // SOFTPOOL_ENGINE_OP_H_
