#include "random_call.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

namespace softpool {
namespace {

constexpr int64_t kMostBytes = 1 << 16;

// All ops, in the order of their names.
const std::vector<const Op*>& AllOps() {
  static const auto* const all = [] {
    auto* ops = new std::vector<const Op*>;
    ForEachOp([ops](const Op& op) { ops->push_back(&op); });
    return ops;
  }();
  return *all;
}

// Returns one of the texts in quotes in an attribute's type, such as "{'exact', 'weights'}".
std::string Choice(const std::string& type, Bytes* bytes) {
  std::vector<std::string> choices;
  const size_t end = type.find('}');
  for (size_t at = type.find('\''); at < end; at = type.find('\'', at + 1)) {
    const size_t close = type.find('\'', at + 1);
    choices.push_back(type.substr(at + 1, close - at - 1));
    at = close;
  }
  return choices[bytes->Below(static_cast<int64_t>(choices.size()))];
}

// Returns a number of moderate size, or perhaps a special one.
double Number(Bytes* bytes, bool ordinary) {
  const uint8_t byte = bytes->Next();
  if (ordinary || byte < 200) return (byte % 97 - 48) / 16.0;
  const double infinity = std::numeric_limits<double>::infinity();
  const double special[] = {infinity, -infinity, NAN,   0.0,    -0.0,   1e38,
                            -1e38,    1e-42,     1e300, -1e300, 1e-310, 6e4};
  return special[byte % 12];
}

void StoreNumber(double value, DataType type, uint8_t* to) {
  const float narrow = static_cast<float>(std::clamp(value, -3e38, 3e38));
  const float rounded = std::isfinite(value) ? narrow : static_cast<float>(value);
  uint32_t bits;
  std::memcpy(&bits, &rounded, 4);
  const uint16_t upper = static_cast<uint16_t>(bits >> 16);
  // A half with few digits: the numbers that are used have no more.
  const int exponent = static_cast<int>(bits >> 23 & 255) - 127;
  uint16_t half = static_cast<uint16_t>(bits >> 16 & 0x8000);
  if (exponent == 128) {
    half |= (bits & 0x7FFFFF) != 0 ? 0x7E00 : 0x7C00;
  } else if (exponent > 15) {
    half |= 0x7BFF;
  } else if (exponent >= -14) {
    half |= static_cast<uint16_t>((exponent + 15) << 10 | (bits >> 13 & 0x3FF));
  } else {
    half |= value != 0;
  }
  if (type == DataType::kFloat64) std::memcpy(to, &value, 8);
  if (type == DataType::kFloat32) std::memcpy(to, &rounded, 4);
  if (type == DataType::kBFloat16) std::memcpy(to, &upper, 2);
  if (type == DataType::kFloat16) std::memcpy(to, &half, 2);
}

}  // namespace

int64_t BytesOf(const Tensor& tensor) {
  const bool has_16_bits = tensor.type == DataType::kFloat16 || tensor.type == DataType::kBFloat16;
  int64_t bytes = tensor.type == DataType::kFloat64 ? 8 : has_16_bits ? 2 : 4;
  for (int64_t n : tensor.dims) {
    if (n < 0 || __builtin_mul_overflow(bytes, n, &bytes)) return -1;
  }
  return bytes > kMostBytes ? -1 : bytes;
}

double ValueAt(const Tensor& tensor, int64_t index) {
  const auto* data = static_cast<const uint8_t*>(tensor.data);
  if (tensor.type == DataType::kFloat64) return reinterpret_cast<const double*>(data)[index];
  if (tensor.type == DataType::kFloat32) {
    return static_cast<double>(reinterpret_cast<const float*>(data)[index]);
  }
  const uint16_t bits = reinterpret_cast<const uint16_t*>(data)[index];
  if (tensor.type == DataType::kBFloat16) {
    const uint32_t wide = uint32_t{bits} << 16;
    float value;
    std::memcpy(&value, &wide, 4);
    return static_cast<double>(value);
  }
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  double size = std::ldexp(exponent == 0 ? mantissa : mantissa + 1024, std::max(exponent, 1) - 25);
  if (exponent == 31) size = mantissa == 0 ? HUGE_VAL : NAN;
  return bits & 0x8000 ? -size : size;
}

RandomCall::RandomCall(Bytes* bytes) {
  call.op = AllOps()[bytes->Below(static_cast<int64_t>(AllOps().size()))];
  call.attributes = &attributes;
  const auto type = static_cast<DataType>(bytes->Below(4));
  is_ordinary = bytes->Below(2) == 0;
  const size_t spatial = 1 + bytes->Below(3);
  SetAttributes(bytes, spatial);
  // Vectors are filled in different ways with 1 to 7, 8 to 15, and 16 channels or more.
  static constexpr int64_t kChannels[] = {1, 2, 3, 7, 8, 9, 16, 17, 20, 0, 5, 33};
  std::vector<int64_t> dims(spatial + 2);
  for (int64_t& n : dims) n = bytes->Below(spatial == 1 ? 40 : spatial == 2 ? 14 : 7);
  const bool last = attributes.String("data_format") == "NHWC";
  dims[0] = 1 + bytes->Below(9);
  dims[last ? spatial + 1 : 1] = kChannels[bytes->Below(12)];
  if (bytes->Below(16) == 1) dims[bytes->Below(static_cast<int64_t>(dims.size()))] = 0;
  // Enormous sizes are possible if a zero comes before them.
  if (dims[0] == 0 || bytes->Below(64) == 1) dims.back() = bytes->Whole() & INT64_MAX;
  if (dims[0] == 0 && spatial > 1) dims[dims.size() - 2] = bytes->Whole() & INT64_MAX;
  Add(call.op->inputs[0], type, dims, bytes);
  if (!LayOut(*call.op, dims, attributes, &call.geometry).empty()) call.geometry = PoolGeometry();
  for (size_t i = 1; i < call.op->inputs.size(); ++i) {
    const TensorSpec& spec = call.op->inputs[i];
    if (spec.optional && attributes.Int("N") == 0) {
      call.inputs.emplace_back();
      continue;
    }
    const DataType computed = type == DataType::kFloat64 ? type : DataType::kFloat32;
    const bool is_whole = spec.role == Role::kSeed || spec.role == Role::kPositions;
    Add(spec,
        is_whole                 ? DataType::kInt32
        : IsParameter(spec.role) ? computed
                                 : type,
        DimsOf(spec, bytes), bytes);
  }
  if (bytes->Below(8) == 1) Spoil(bytes);
}

void RandomCall::SetAttributes(Bytes* bytes, size_t spatial) {
  static const char* const paddings[] = {"VALID", "SAME", "ADAPTIVE"};
  std::vector<int64_t> ksize(spatial), strides(spatial);
  for (int64_t& n : ksize) n = 1 + bytes->Below(spatial == 1 ? 36 : 6);
  for (int64_t& n : strides) n = 1 + bytes->Below(5);
  attributes.Set("ksize", ksize);
  attributes.Set("strides", strides);
  attributes.Set("padding", std::string(paddings[bytes->Below(3)]));
  attributes.Set("data_format", std::string(bytes->Below(2) == 0 ? "NHWC" : "NCHW"));
  if (call.op->HasOptional()) attributes.Set("N", bytes->Below(2));
  for (const AttributeSpec& spec : call.op->attributes) {
    if (spec.type.front() == '{') {
      attributes.Set(spec.name, Choice(spec.type, bytes));
    } else {
      attributes.Set(spec.name, bytes->Below(2) == 1);
    }
  }
}

std::vector<int64_t> RandomCall::DimsOf(const TensorSpec& spec, Bytes* bytes) {
  const PoolGeometry& g = call.geometry;
  const std::vector<int64_t>& ksize = attributes.Ints("ksize");
  int64_t window = 1, positions = 0;
  for (int64_t k : ksize) window *= call.op->around > 0 ? call.op->around : k;
  std::vector<int64_t> dims = call.inputs[0].dims;
  for (size_t i = 0; i < ksize.size(); ++i) {
    const int64_t out = g.axis[kAxes - ksize.size() + i].out;
    positions += std::min<int64_t>(out, kMostBytes);
    if (spec.role != Role::kTaps) {
      dims[i + (attributes.String("data_format") == "NHWC" ? 1 : 2)] = out;
    }
  }
  switch (spec.role) {
    case Role::kChannels:
      return {g.Channels()};
    case Role::kPlaces:
      return {window, g.Channels()};
    case Role::kRanks: {
      const int64_t ranks = 1 + bytes->Below(std::min<int64_t>(window, 256));
      if (bytes->Below(2) == 0) return {ranks};
      return {ranks, g.Channels()};
    }
    case Role::kSeed:
      return {2};
    case Role::kPositions:
      return {positions};
    default:
      return dims;
  }
}

void RandomCall::Add(const TensorSpec& spec, DataType type, std::vector<int64_t> dims,
                     Bytes* bytes) {
  Tensor tensor{nullptr, type, std::move(dims)};
  const int64_t size = BytesOf(tensor);
  if (size < 0) {
    is_vast = true;
  } else {
    memory.emplace_back(new uint8_t[size]);
    tensor.data = memory.back().get();
    // A few bytes describe all values, so that the fuzzer changes many of them at once.
    uint32_t random = bytes->Next() * 2654435761u;
    const bool repeats = bytes->Below(2) == 0;
    const int64_t width = type == DataType::kFloat64 ? 8 : type <= DataType::kBFloat16 ? 2 : 4;
    int32_t position = 0;
    for (int64_t at = 0; at < size; at += width) {
      random = random * 1664525u + 1013904223u;
      const uint8_t one[] = {static_cast<uint8_t>(random >> 24)};
      Bytes drawn(one, 1);
      double value = Number(repeats ? &drawn : bytes, is_ordinary);
      // Exponents are at least 1.
      if (spec.name == "p") value = std::fabs(value) + 1;
      if (type == DataType::kInt32) {
        // Positions rise, and begin anew where the next axis may begin.
        position = one[0] % 8 == 0 ? 0 : position + 1 + one[0] % 2;
        std::memcpy(memory.back().get() + at, &position, 4);
      } else {
        StoreNumber(value, type, memory.back().get() + at);
      }
    }
  }
  call.inputs.push_back(std::move(tensor));
}

void RandomCall::Spoil(Bytes* bytes) {
  is_ordinary = false;
  Tensor& tensor = call.inputs[bytes->Below(static_cast<int64_t>(call.inputs.size()))];
  const auto small = [&] { return bytes->Below(2) == 0 ? bytes->Below(9) : bytes->Whole(); };
  switch (bytes->Below(6)) {
    case 0:
      // The memory stays, so the tensor may only become smaller or too large to be read at all.
      if (!tensor.dims.empty()) {
        int64_t& n = tensor.dims[bytes->Below(static_cast<int64_t>(tensor.dims.size()))];
        n = bytes->Below(2) == 0 ? n / 2 : INT64_MAX;
        is_vast = is_vast || n == INT64_MAX;
      }
      break;
    case 1:
      if (!tensor.dims.empty()) tensor.dims.pop_back();
      is_vast = true;
      break;
    case 2:
      tensor.type = static_cast<DataType>(bytes->Below(5));
      is_vast = true;
      break;
    case 3:
      call.inputs.pop_back();
      break;
    case 4:
      attributes.Set(bytes->Below(2) == 0 ? "ksize" : "strides",
                     std::vector<int64_t>(bytes->Below(5), small()));
      break;
    default:
      attributes.Set("N", small());
  }
}

}  // namespace softpool
