// What XLA hands to a kernel, in the form that kernels want it.
#ifndef TF_SOFTPOOL_XLA_KERNEL_CALL_H_
#define TF_SOFTPOOL_XLA_KERNEL_CALL_H_

#include <string>
#include <string_view>
#include <vector>

#include "kernels/data_type.h"
#include "kernels/geometry.h"
#include "xla/ffi/api/ffi.h"

namespace softpool {

// What a call to a kernel brings along. Shapes and types were checked when the program was
// compiled; what is not there all the same is an exception, which becomes the call's error.
class KernelCall {
 public:
  KernelCall(xla::ffi::RemainingArgs inputs, xla::ffi::RemainingRets outputs,
             xla::ffi::Dictionary attributes)
      : inputs_(inputs), outputs_(outputs), attributes_(attributes) {
    const std::string error =
        MakeGeometry(Dimensions(0), List("ksize"), List("strides"), PaddingNamed(Text("padding")),
                     DataFormatNamed(Text("data_format")), &geometry);
    if (!error.empty()) throw xla::ffi::Error::InvalidArgument(error);
  }

  const void* Input(int i) const { return InputBuffer(i).untyped_data(); }
  void* Output(int i) const { return Value(outputs_.get<xla::ffi::AnyBuffer>(i))->untyped_data(); }
  std::vector<int64_t> Dimensions(int input) const {
    const auto dims = InputBuffer(input).dimensions();
    return {dims.begin(), dims.end()};
  }
  std::string_view Text(const char* name) const {
    return Value(attributes_.get<std::string_view>(name));
  }
  bool Truth(const char* name) const { return Value(attributes_.get<bool>(name)); }
  int64_t Number(const char* name) const { return Value(attributes_.get<int64_t>(name)); }

  DataType Type() const {
    switch (InputBuffer(0).element_type()) {
      case xla::ffi::F16:
        return DataType::kFloat16;
      case xla::ffi::BF16:
        return DataType::kBFloat16;
      case xla::ffi::F32:
        return DataType::kFloat32;
      case xla::ffi::F64:
        return DataType::kFloat64;
      default:
        throw xla::ffi::Error::InvalidArgument("cannot pool a tensor of this type");
    }
  }

  PoolGeometry geometry;

 private:
  template <class T>
  static T Value(xla::ffi::ErrorOr<T> value) {
    if (value.has_error()) throw value.error();
    return *value;
  }
  xla::ffi::AnyBuffer InputBuffer(int i) const {
    return Value(inputs_.get<xla::ffi::AnyBuffer>(i));
  }
  std::vector<int64_t> List(const char* name) const {
    const auto values = Value(attributes_.get<xla::ffi::Span<const int64_t>>(name));
    return {values.begin(), values.end()};
  }

  xla::ffi::RemainingArgs inputs_;
  xla::ffi::RemainingRets outputs_;
  xla::ffi::Dictionary attributes_;
};

}  // namespace softpool

#endif  // TF_SOFTPOOL_XLA_KERNEL_CALL_H_
