// The descriptions of all ops in JSON, for Python to make functions of them where no TensorFlow
// describes the ops.
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "softpool/engine/op.h"

namespace softpool {
namespace {

const char* NameOf(Role role) {
  switch (role) {
    case Role::kTaps:
      return "taps";
    case Role::kWindows:
      return "windows";
    case Role::kChannels:
      return "channels";
    case Role::kRanks:
      return "ranks";
    case Role::kPlaces:
      return "places";
    case Role::kSeed:
      return "seed";
    case Role::kPositions:
      return "positions";
  }
  return "";
}

// Names and types of attributes have no character that JSON would write differently but these two.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string Member(std::string_view name, const std::string& value) {
  return Quoted(name) + ": " + value;
}

template <class Values, class Text>
std::string List(const Values& values, const Text& text) {
  std::string list;
  for (size_t i = 0; i < values.size(); ++i) list += (i == 0 ? "" : ", ") + text(i);
  return "[" + list + "]";
}

std::string TextOf(const TensorSpec& spec) {
  return Member("name", Quoted(spec.name)) + ", " + Member("role", Quoted(NameOf(spec.role))) +
         ", " + Member("optional", spec.optional ? "true" : "false");
}

std::string TextOf(const Op& op) {
  const auto input = [&](size_t i) { return "{" + TextOf(op.inputs[i]) + "}"; };
  const auto output = [&](size_t i) {
    const TensorSpec& spec = op.outputs[i];
    const size_t like = IsParameter(spec.role) ? InputLike(op, i) : 0;
    return "{" + TextOf(spec) + ", " + Member("like", std::to_string(like)) + "}";
  };
  const auto attribute = [&](size_t i) {
    const AttributeSpec& spec = op.attributes[i];
    return "{" + Member("name", Quoted(spec.name)) + ", " + Member("type", Quoted(spec.type)) + "}";
  };
  return "{" + Member("name", Quoted(op.name)) + ", " + Member("inputs", List(op.inputs, input)) +
         ", " + Member("outputs", List(op.outputs, output)) + ", " +
         Member("attributes", List(op.attributes, attribute)) + "}";
}

// Every op that has been registered, also by libraries that were loaded later.
class AllOps {
 public:
  AllOps() {
    ForEachOp([this](const Op& op) {
      const std::lock_guard<std::mutex> lock(mutex_);
      ops_.push_back(&op);
    });
  }

  std::string Text() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return List(ops_, [this](size_t i) { return "\n" + TextOf(*ops_[i]); });
  }

 private:
  std::mutex mutex_;
  std::vector<const Op*> ops_;
};

}  // namespace
}  // namespace softpool

// Returns a JSON list of all ops that are registered now. The text is the calling thread's until it
// calls again. Python calls this through ctypes.
extern "C" SOFTPOOL_EXPORT const char* tf_softpool_describe_ops() {
  // Never destroyed, because new ops are told to it until the process ends.
  static auto* const ops = new softpool::AllOps;
  thread_local std::string text;
  text = ops->Text();
  return text.c_str();
}
