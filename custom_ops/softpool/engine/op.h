// What an op reads, writes and is told, said once: TensorFlow's op and its kernels, XLA's handlers
// and the library that the CUDA tests call are all made from it. A pooling's folder describes its
// ops and registers their kernels; nothing else knows which poolings there are.
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

// What a tensor holds, from which its shape and its type follow.
enum class Role {
  kTaps,      // a value for every position of the input, of the input's type
  kWindows,   // a value for every window, of the input's type
  kChannels,  // a parameter of every channel, [channels], of the type that values are computed in
  kRanks,     // a parameter of every rank, [pool_range] or [pool_range, channels], of that type
};

// Whether a tensor with this role holds parameters, and not values.
inline bool IsParameter(Role role) { return role == Role::kChannels || role == Role::kRanks; }

struct TensorSpec {
  std::string name;
  Role role;
  std::string doc;
  // A list of one tensor or none. The op's attribute N is its length.
  bool optional = false;
};

// An attribute beside those of every pooling, which are ksize, strides, padding and data_format.
struct AttributeSpec {
  std::string name;
  std::string type;  // in TensorFlow's notation, with the default: "{'exact', 'weights'} = 'exact'"
  std::string doc;
};

// The attributes of one call, by name. A missing one, or one of another type, throws
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

  // A handful, for which no other order is quicker.
  std::vector<std::pair<std::string, Value>> values_;
};

struct Call;
using CpuKernel = void (*)(const Call& call, const ParallelFor& parallel);
// Gives work to the stream and does not wait for it. Returns CUDA's word for what went wrong, or an
// empty string.
using CudaKernel = std::string (*)(const Call& call, const CudaStream& cuda);

struct SOFTPOOL_EXPORT Op {
  std::string name;  // with its namespace, as TensorFlow knows it
  std::string summary;
  // The first input is the tensor that is pooled. Gradients are named as TensorFlow names them.
  std::vector<TensorSpec> inputs, outputs;
  std::vector<AttributeSpec> attributes;
  // Null where there is none.
  CpuKernel cpu = nullptr;
  CudaKernel cuda = nullptr;

  bool HasOptional() const;
};

struct SOFTPOOL_EXPORT Tensor {
  void* data = nullptr;  // also null where an optional tensor is absent
  DataType type = DataType::kFloat32;
  std::vector<int64_t> dims;

  int64_t Bytes() const;
};

// One call of an op. Tensors are dense and in the order of the op's description.
struct SOFTPOOL_EXPORT Call {
  const Op* op = nullptr;
  const Attributes* attributes = nullptr;
  std::vector<Tensor> inputs, outputs;
  // Laid out by Prepare().
  PoolGeometry geometry;

  DataType Type() const { return inputs[0].type; }
  const Tensor& Input(std::string_view name) const;
  const Tensor& Output(std::string_view name) const;
};

// Checks a call's attributes and inputs against the op's description and lays out the windows.
// Returns what is wrong, for the user to read, or an empty string.
SOFTPOOL_EXPORT std::string Prepare(Call* call);

// The type and the shape of an output, by its place in the description, of a call that is prepared.
SOFTPOOL_EXPORT Tensor OutputLike(const Call& call, size_t output);

// As "[2,3]", with "?" for a dimension that is not known.
SOFTPOOL_EXPORT std::string ShapeText(const std::vector<int64_t>& dims);

// The input whose shape an output of ranks has: the first of them the first one's, and so on.
SOFTPOOL_EXPORT size_t InputOfRanks(const Op& op, size_t output);

// What is wrong with the number of tensors in an op's optional list, or an empty string.
SOFTPOOL_EXPORT std::string CheckOptional(const Op& op, const Attributes& attributes);

// Whether an optional tensor, input or output, is absent from this call.
SOFTPOOL_EXPORT bool IsAbsent(const Call& call, const TensorSpec& spec);

// Checks the type that parameters have, for an input of type `input`.
SOFTPOOL_EXPORT std::string CheckParameterType(const std::string& name, DataType type,
                                               DataType input);
// Checks the shape of parameters of ranks, -1 standing for what is not known, for windows of size
// `ksize` and so many channels.
SOFTPOOL_EXPORT std::string CheckRanks(const std::string& name, const std::vector<int64_t>& shape,
                                       const std::vector<int64_t>& ksize, int64_t channels);

// Runs the op's kernel on a CPU. Parameters' gradients are zero where there are no windows.
SOFTPOOL_EXPORT void RunOnCpu(const Call& call, const ParallelFor& parallel);

// Registration, while a library is loaded: the return value is for a static variable to keep. An op
// and its kernels may come in any order. An op of a name that is there already is left out: false.
SOFTPOOL_EXPORT bool RegisterOp(const Op& op);
SOFTPOOL_EXPORT bool RegisterKernel(const std::string& op, CpuKernel kernel);
SOFTPOOL_EXPORT bool RegisterKernel(const std::string& op, CudaKernel kernel);

// Calls f for every op that is described by now and, as it comes, for every one that follows. So it
// does not matter which file of a library is initialised first. f is kept as long as the process
// lives, and must not refer to what is gone by then.
SOFTPOOL_EXPORT bool ForEachOp(const std::function<void(const Op&)>& f);

// Null where there is none of that name.
SOFTPOOL_EXPORT const Op* FindOp(std::string_view name);

}  // namespace softpool

#endif  // SOFTPOOL_ENGINE_OP_H_
