// Results and gradients are the same to the last bit on every SIMD target, for any number of
// threads and however the work is cut. Each test also records hashes of its results, so that
// tests/neon/compare.py can compare the results of two machines.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "kernel_inputs.h"
#include "softpool/engine/op.h"
#include "softpool/simd/targets.h"

namespace softpool {
namespace {

struct Case {
  const char* name;
  std::vector<int64_t> dims, ksize, strides;
  Padding padding;
  unsigned rarity = 97;  // of special values
};
void PrintTo(const Case& c, std::ostream* stream) { *stream << c.name; }

const Case kCases[] = {
    {"2x2", {3, 8, 10, 64}, {2, 2}, {2, 2}, Padding::kValid},
    {"2x2_odd_channels", {2, 7, 9, 37}, {2, 2}, {2, 2}, Padding::kSame},
    {"few_channels", {5, 9, 8, 3}, {2, 2}, {2, 2}, Padding::kValid},
    {"one_channel", {4, 33, 1}, {3}, {2}, Padding::kSame},
    {"3x3_overlap", {2, 40, 41, 70}, {3, 3}, {2, 2}, Padding::kSame},
    // A block of overlapping windows has several hundred inputs. With few special values, most of
    // the windows share exponentials.
    {"3x3_few_special", {2, 40, 41, 70}, {3, 3}, {2, 2}, Padding::kSame, 3001},
    {"5x4_few_special", {2, 33, 30, 16}, {5, 4}, {1, 1}, Padding::kSame, 3001},
    {"9x9_few_special", {1, 21, 19, 9}, {9, 9}, {2, 1}, Padding::kValid, 3001},
    {"3d_few_special", {2, 7, 9, 8, 20}, {3, 3, 3}, {2, 1, 2}, Padding::kSame, 3001},
    {"3x3_stride_1", {1, 13, 12, 5}, {3, 3}, {1, 1}, Padding::kSame},
    {"gaps", {2, 11, 13, 18}, {2, 3}, {3, 4}, Padding::kValid},
    {"3d", {2, 5, 6, 7, 20}, {2, 3, 2}, {1, 2, 2}, Padding::kSame},
    {"larger_than_input", {2, 3, 4, 6}, {5, 6}, {2, 2}, Padding::kSame},
    {"whole", {3, 25, 30, 17}, {25, 30}, {25, 30}, Padding::kValid},
    {"long_overlap", {2, 300, 2}, {90}, {7}, Padding::kSame},
    {"many_tiles", {1, 150, 160, 33}, {5, 5}, {3, 3}, Padding::kValid},
    {"many_taps", {2, 5000, 3}, {4500}, {300}, Padding::kSame},
};

// A kernel's results as bytes, by name.
using Results = std::map<std::string, std::vector<uint8_t>>;

// Returns a hash of bytes: FNV-1a with 64 bits, in hexadecimal.
std::string HashOf(const std::vector<uint8_t>& bytes) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001B3u;
  std::ostringstream text;
  text << std::hex << hash;
  return text.str();
}

// A call of a pooling's op, the memory of the call's inputs, and the gradient of its output.
struct Inputs {
  Attributes attributes;
  Call call;  // of the pooling; the gradient's op takes the same inputs and then `gradient`
  std::vector<std::vector<uint8_t>> memory;
  std::vector<uint8_t> gradient;

  DataType Computed() const {
    return call.Type() == DataType::kFloat64 ? DataType::kFloat64 : DataType::kFloat32;
  }
  void Add(DataType type, std::vector<int64_t> dims, std::vector<uint8_t> bytes) {
    memory.push_back(std::move(bytes));
    call.inputs.push_back({memory.back().data(), type, std::move(dims)});
  }
};

// Runs a call and returns its outputs. The names of parameters' gradients contain "parameter".
Results ResultsOf(Call call, const ParallelFor& parallel) {
  EXPECT_EQ(Prepare(&call), "");
  Results results;
  for (size_t i = 0; i < call.op->outputs.size(); ++i) {
    const TensorSpec& spec = call.op->outputs[i];
    Tensor& output = call.outputs.emplace_back();
    if (IsAbsent(call, spec)) continue;
    output = OutputLike(call, i);
    size_t bytes = SizeOf(output.type);
    for (int64_t n : output.dims) bytes *= n;
    const std::string name = (IsParameter(spec.role) ? "parameter " : "") + spec.name;
    std::vector<uint8_t>& memory = results[call.op->name + " " + name];
    memory.resize(bytes, 0xAB);
    output.data = memory.data();
  }
  RunOnCpu(call, parallel);
  return results;
}

class SameBits : public testing::TestWithParam<std::tuple<Case, DataType, DataFormat>> {
 protected:
  static std::unique_ptr<Inputs> Make(const ParamType& param, const char* op,
                                      bool ordinary = false) {
    const auto& [c, type, format] = param;
    std::vector<int64_t> dims = c.dims;
    if (format == DataFormat::kChannelsFirst) {
      dims.insert(dims.begin() + 1, dims.back());
      dims.pop_back();
    }
    auto in = std::make_unique<Inputs>();
    const bool first = format == DataFormat::kChannelsFirst;
    in->attributes.Set("ksize", c.ksize);
    in->attributes.Set("strides", c.strides);
    in->attributes.Set("padding", std::string(c.padding == Padding::kSame ? "SAME" : "VALID"));
    in->attributes.Set("data_format", std::string(first ? "NCHW" : "NHWC"));
    in->call.op = FindOp(op);
    in->call.attributes = &in->attributes;
    PoolGeometry& g = in->call.geometry;
    EXPECT_EQ(MakeGeometry(dims, c.ksize, c.strides, c.padding, format, &g), "");
    const unsigned rarity = Rarity(ordinary);
    in->Add(type, dims, RandomTensor(type, g.outer * g.InputPositions() * g.inner, 1, rarity));
    in->gradient = RandomTensor(type, g.outer * g.OutputPositions() * g.inner, 2, rarity);
    return in;
  }

  // Returns the shape of a tensor that has one value for each window.
  static std::vector<int64_t> WindowDims(const Inputs& in) {
    std::vector<int64_t> dims = in.call.inputs[0].dims;
    const bool first = in.attributes.String("data_format") == "NCHW";
    const size_t spatial = dims.size() - 2;
    for (size_t i = 0; i < spatial; ++i) {
      dims[i + (first ? 2 : 1)] = in.call.geometry.axis[kAxes - spatial + i].out;
    }
    return dims;
  }

  // Runs the op and its gradient's op.
  static Results RunBoth(Inputs& in, const ParallelFor& parallel) {
    Results results = ResultsOf(in.call, parallel);
    Call gradient = in.call;
    gradient.op = FindOp(in.call.op->name + "Grad");
    gradient.inputs.push_back({in.gradient.data(), in.call.Type(), WindowDims(in)});
    for (auto& [name, bytes] : ResultsOf(gradient, parallel)) results[name] = std::move(bytes);
    return results;
  }

  static unsigned Rarity(bool ordinary) { return ordinary ? 0 : std::get<0>(GetParam()).rarity; }

  static int64_t Taps() {
    int64_t taps = 1;
    for (int64_t k : std::get<0>(GetParam()).ksize) taps *= k;
    return taps;
  }

  // Some results of reference paths differ from platform to platform: see docs/design.md. If those
  // of special numbers are not portable, calls run(ordinary, portable) for ordinary numbers as
  // well. These do not take a reference path in windows of up to 4096 values.
  template <class F>
  static void ForEachSortOfNumbers(bool special_portable, const F& run) {
    run(false, special_portable);
    if (!special_portable) run(true, Taps() <= 4096);
  }

  // `variant` tells the comparisons of one test apart. Hashes of the results are recorded if the
  // results are portable, that is, the same on every platform.
  static void Compare(Inputs& in, const std::string& variant, bool portable = true) {
    Results first;
    for (int64_t target : RunnableTargets()) {
      for (int threads : {1, 2, 5}) {
        UseTarget(target);
        Results results = RunBoth(in, Threads(threads));
        for (auto& [name, bytes] : results) {
          const bool of_parameter = name.find("parameter") != std::string::npos;
          MakeNaNEqual(of_parameter ? in.Computed() : in.call.Type(), &bytes);
        }
        if (first.empty()) first = results;
        for (const auto& [name, bytes] : results) {
          EXPECT_EQ(bytes, first[name])
              << TargetName(target) << ", " << threads << " threads, " << name;
        }
      }
    }
    UseTarget(0);
    if (!portable) return;
    for (const auto& [name, bytes] : first) {
      RecordProperty("bits of " + name + " " + variant, HashOf(bytes));
    }
  }
};

TEST_P(SameBits, SoftPool) {
  for (const char* gradient : {"exact", "weights"}) {
    const auto in = Make(GetParam(), "Softpool>SoftPool");
    in->attributes.Set("gradient", std::string(gradient));
    Compare(*in, gradient);
  }
}

TEST_P(SameBits, SortedPool) {
  const int64_t window = Taps();
  for (int64_t pool_range : {int64_t{1}, (window + 1) / 2, window}) {
    for (const char* normalize : {"softmax", "none"}) {
      const auto in = Make(GetParam(), "Softpool>SortedPool");
      in->attributes.Set("normalize", std::string(normalize));
      const int64_t channels = in->call.geometry.Channels();
      std::vector<int64_t> dims = {pool_range};
      if (pool_range % 2 == 0) dims.push_back(channels);
      in->Add(in->Computed(), dims,
              RandomTensor(in->Computed(), pool_range * (dims.size() == 2 ? channels : 1), 3));
      Compare(*in, normalize + std::to_string(pool_range));
    }
  }
}

TEST_P(SameBits, ImportancePool) {
  const bool is_double = std::get<1>(GetParam()) == DataType::kFloat64;
  ForEachSortOfNumbers(!is_double, [](bool ordinary, bool portable) {
    const auto in = Make(GetParam(), "Softpool>ImportancePool", ordinary);
    const DataType type = in->call.Type();
    const std::vector<int64_t> dims = in->call.inputs[0].dims;
    in->Add(type, dims,
            RandomTensor(type, in->memory[0].size() / SizeOf(type), 3, Rarity(ordinary)));
    Compare(*in, ordinary ? "ordinary" : "special", portable);
  });
}

TEST_P(SameBits, DetailPreservingPool) {
  const bool has_16_bits = SizeOf(std::get<1>(GetParam())) == 2;
  ForEachSortOfNumbers(has_16_bits, [](bool ordinary, bool portable) {
    for (bool guided : {false, true}) {
      const auto in = Make(GetParam(), "Softpool>DetailPreservingPool", ordinary);
      const DataType type = in->call.Type(), computed = in->Computed();
      const bool symmetric = type == DataType::kFloat32 || type == DataType::kFloat16;
      in->attributes.Set("symmetric", symmetric);
      in->attributes.Set("N", int64_t{guided});
      const int64_t channels = in->call.geometry.Channels();
      if (guided) {
        const size_t windows = in->gradient.size() / SizeOf(type);
        in->Add(type, WindowDims(*in), RandomTensor(type, windows, 3, Rarity(ordinary)));
      } else {
        in->call.inputs.emplace_back();
      }
      in->Add(computed, {channels}, Uniform(computed, channels, 0, 2, 4));
      // Some special values are so large that weights leave float's range.
      in->Add(computed, {channels}, Uniform(computed, channels, -4, ordinary ? 8 : 60, 5));
      Compare(*in, std::string(guided ? "guided " : "") + (ordinary ? "ordinary" : "special"),
              portable);
    }
  });
}

// A parameter of channels, or of the places of a window, with values from `low` to `high`.
struct Parameter {
  bool places;
  double low, high;
};
struct WithParameters {
  const char* op;
  std::vector<Parameter> parameters;
};

TEST_P(SameBits, PoolingsWithParameters) {
  const WithParameters all[] = {
      {"Softpool>SumPool", {}},
      {"Softpool>PowerAveragePool", {{false, 1, 9}}},
      {"Softpool>PowerAveragePool", {{false, 1, 1}}},
      {"Softpool>PowerAveragePool", {{false, 2, 2}}},
      {"Softpool>LpPool", {{false, 1, 9}}},
      {"Softpool>MixedPool", {{false, 0, 1}}},
      {"Softpool>GatedPool", {{true, -1, 1}, {false, -1, 1}}},
      {"Softpool>LearnedGuide", {{true, -1, 1}}},
  };
  int variant = 0;
  for (const WithParameters& pooling : all) {
    const auto in = Make(GetParam(), pooling.op);
    const int64_t channels = in->call.geometry.Channels();
    const int64_t around = in->call.op->around;
    int64_t places = 1;
    for (int64_t k : std::get<0>(GetParam()).ksize) places *= around > 0 ? around : k;
    for (const Parameter& p : pooling.parameters) {
      const std::vector<int64_t> dims =
          p.places ? std::vector<int64_t>{places, channels} : std::vector<int64_t>{channels};
      const int64_t count = (p.places ? places : 1) * channels;
      in->Add(in->Computed(), dims, Uniform(in->Computed(), count, p.low, p.high, 3));
    }
    Compare(*in, std::to_string(variant++));
  }
}

TEST_P(SameBits, StochasticPool) {
  for (bool draws : {false, true}) {
    const auto in = Make(GetParam(), "Softpool>StochasticPool");
    in->attributes.Set("N", int64_t{draws});
    if (draws) {
      std::vector<uint8_t> seed = {1, 2, 3, 4, 250, 251, 252, 253};
      in->Add(DataType::kInt32, {2}, std::move(seed));
    } else {
      in->call.inputs.emplace_back();
    }
    Compare(*in, draws ? "drawn" : "expected");
  }
}

TEST_P(SameBits, WindowsThatDivideTheInput) {
  for (const char* op : {"Softpool>SoftPool", "Softpool>SumPool", "Softpool>StochasticPool"}) {
    const auto in = Make(GetParam(), op);
    in->attributes.Set("padding", std::string("ADAPTIVE"));
    in->attributes.Set("gradient", std::string("exact"));
    in->attributes.Set("N", int64_t{0});
    if (in->call.op->HasOptional()) in->call.inputs.emplace_back();
    PoolGeometry& g = in->call.geometry;
    EXPECT_EQ(LayOut(*in->call.op, in->call.inputs[0].dims, in->attributes, &g), "");
    in->gradient = RandomTensor(in->call.Type(), g.outer * g.OutputPositions() * g.inner, 2, 97);
    Compare(*in, op);
  }
}

std::string NameOf(const testing::TestParamInfo<SameBits::ParamType>& info) {
  static const char* const types[] = {"half", "bfloat16", "float", "double"};
  const auto& [c, type, format] = info.param;
  return std::string("c") + c.name + "_" + types[static_cast<int>(type)] +
         (format == DataFormat::kChannelsLast ? "_last" : "_first");
}

INSTANTIATE_TEST_SUITE_P(Cases, SameBits,
                         testing::Combine(testing::ValuesIn(kCases),
                                          testing::Values(DataType::kFloat16, DataType::kBFloat16,
                                                          DataType::kFloat32, DataType::kFloat64),
                                          testing::Values(DataFormat::kChannelsLast,
                                                          DataFormat::kChannelsFirst)),
                         NameOf);

}  // namespace
}  // namespace softpool
