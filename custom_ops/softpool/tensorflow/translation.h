// Translations of the engine's plain types into TensorFlow's, and back.
#ifndef SOFTPOOL_TENSORFLOW_TRANSLATION_H_
#define SOFTPOOL_TENSORFLOW_TRANSLATION_H_

#include <string>
#include <vector>

#include "softpool/engine/op.h"
#include "tensorflow/core/framework/attr_value.pb.h"
#include "tensorflow/core/framework/node_def_util.h"
#include "tensorflow/core/framework/types.h"

namespace softpool {

inline DataType DataTypeOf(tensorflow::DataType type) {
  switch (type) {
    case tensorflow::DT_HALF:
      return DataType::kFloat16;
    case tensorflow::DT_BFLOAT16:
      return DataType::kBFloat16;
    case tensorflow::DT_DOUBLE:
      return DataType::kFloat64;
    case tensorflow::DT_INT32:
      return DataType::kInt32;
    default:
      return DataType::kFloat32;
  }
}

inline absl::Status ToStatus(const std::string& error) {
  return error.empty() ? absl::OkStatus() : absl::InvalidArgumentError(error);
}

// Returns a node's attributes. Leaves out types, because the tensors have them, and TensorFlow's
// own attributes, whose names begin with an underscore. Takes every list for a list of whole
// numbers.
inline Attributes AttributesOf(const tensorflow::AttrSlice& node) {
  Attributes attributes;
  for (const auto& [name, value] : node) {
    if (name[0] == '_') continue;
    switch (value.value_case()) {
      case tensorflow::AttrValue::kS:
        attributes.Set(name, value.s());
        break;
      case tensorflow::AttrValue::kI:
        attributes.Set(name, int64_t{value.i()});
        break;
      case tensorflow::AttrValue::kF:
        attributes.Set(name, double{value.f()});
        break;
      case tensorflow::AttrValue::kB:
        attributes.Set(name, value.b());
        break;
      case tensorflow::AttrValue::kList:
        attributes.Set(name,
                       std::vector<int64_t>(value.list().i().begin(), value.list().i().end()));
        break;
      default:
        break;
    }
  }
  return attributes;
}

}  // namespace softpool

#endif  // SOFTPOOL_TENSORFLOW_TRANSLATION_H_
