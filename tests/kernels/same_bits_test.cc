// Results and gradients are the same to the last bit on every SIMD target, however many threads
// work and however the work is cut.
#include <gtest/gtest.h>

#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "kernel_inputs.h"
#include "kernels/detail_preserving_pool.h"
#include "kernels/importance_pool.h"
#include "kernels/simd_targets.h"
#include "kernels/soft_pool.h"
#include "kernels/sorted_pool.h"

namespace softpool {
namespace {

struct Case {
  const char* name;
  std::vector<int64_t> dims, ksize, strides;
  Padding padding;
};
void PrintTo(const Case& c, std::ostream* stream) { *stream << c.name; }

const Case kCases[] = {
    {"2x2", {3, 8, 10, 64}, {2, 2}, {2, 2}, Padding::kValid},
    {"2x2_odd_channels", {2, 7, 9, 37}, {2, 2}, {2, 2}, Padding::kSame},
    {"few_channels", {5, 9, 8, 3}, {2, 2}, {2, 2}, Padding::kValid},
    {"one_channel", {4, 33, 1}, {3}, {2}, Padding::kSame},
    {"3x3_overlap", {2, 40, 41, 70}, {3, 3}, {2, 2}, Padding::kSame},
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
// What a kernel is given.
struct Inputs {
  DataType type;
  PoolGeometry g;
  std::vector<uint8_t> x, gradient, logits;
  bool per_channel;
  int64_t pool_range;
  // Of importance pooling, shaped like x; of detail-preserving pooling, shaped like y and
  // [channels].
  std::vector<uint8_t> importance, guide, alpha, lambda;
  bool symmetric;
};

Results RunSoftPool(const Inputs& in, const ParallelFor& parallel) {
  Results r;
  r["y"].resize(in.gradient.size(), 0xAB);
  r["exact"].resize(in.x.size(), 0xAB);
  r["weights"].resize(in.x.size(), 0xAB);
  SoftPool(in.type, in.g, in.x.data(), r["y"].data(), parallel);
  SoftPoolGrad(in.type, in.g, SoftPoolGradient::kExact, in.x.data(), in.gradient.data(),
               r["exact"].data(), parallel);
  SoftPoolGrad(in.type, in.g, SoftPoolGradient::kWeights, in.x.data(), in.gradient.data(),
               r["weights"].data(), parallel);
  return r;
}

Results RunSortedPool(const Inputs& in, const ParallelFor& parallel) {
  Results r;
  for (bool softmax : {true, false}) {
    const std::string name = softmax ? "softmax" : "none";
    const RankLogits logits{in.logits.data(), in.pool_range, in.per_channel, softmax};
    const size_t size = in.type == DataType::kFloat64 ? 8 : 4;
    r[name + " y"].resize(in.gradient.size(), 0xAB);
    r[name + " x"].resize(in.x.size(), 0xAB);
    r[name + " parameter"].resize(logits.Count(in.g.Channels()) * size, 0xAB);
    SortedPool(in.type, in.g, logits, in.x.data(), r[name + " y"].data(), parallel);
    SortedPoolGrad(in.type, in.g, logits, in.x.data(), in.gradient.data(), r[name + " x"].data(),
                   r[name + " parameter"].data(), parallel);
  }
  return r;
}

Results RunImportancePool(const Inputs& in, const ParallelFor& parallel) {
  Results r;
  r["y"].resize(in.gradient.size(), 0xAB);
  r["x"].resize(in.x.size(), 0xAB);
  r["importance"].resize(in.x.size(), 0xAB);
  ImportancePool(in.type, in.g, in.x.data(), in.importance.data(), r["y"].data(), parallel);
  ImportancePoolGrad(in.type, in.g, in.x.data(), in.importance.data(), in.gradient.data(),
                     r["x"].data(), r["importance"].data(), parallel);
  return r;
}

Results RunDetailPreservingPool(const Inputs& in, const ParallelFor& parallel) {
  Results r;
  const size_t size = in.type == DataType::kFloat64 ? 8 : 4;
  const DetailParameters parameters{in.alpha.data(), in.lambda.data(), in.symmetric};
  for (bool guided : {false, true}) {
    const std::string name = guided ? "guided " : "lite ";
    const DetailInputs inputs{in.x.data(), guided ? in.guide.data() : nullptr, parameters};
    r[name + "y"].resize(in.gradient.size(), 0xAB);
    r[name + "x"].resize(in.x.size(), 0xAB);
    if (guided) r[name + "guide"].resize(in.gradient.size(), 0xAB);
    r[name + "parameter alpha"].resize(in.g.Channels() * size, 0xAB);
    r[name + "parameter lambda"].resize(in.g.Channels() * size, 0xAB);
    DetailPreservingPool(in.type, in.g, inputs, r[name + "y"].data(), parallel);
    const DetailGradients gradients{
        r[name + "x"].data(), guided ? r[name + "guide"].data() : nullptr,
        r[name + "parameter alpha"].data(), r[name + "parameter lambda"].data()};
    DetailPreservingPoolGrad(in.type, in.g, inputs, in.gradient.data(), gradients, parallel);
  }
  return r;
}

class SameBits : public testing::TestWithParam<std::tuple<Case, DataType, DataFormat>> {
 protected:
  static Inputs Make(const ParamType& param) {
    const auto& [c, type, format] = param;
    std::vector<int64_t> dims = c.dims;
    if (format == DataFormat::kChannelsFirst) {
      dims.insert(dims.begin() + 1, dims.back());
      dims.pop_back();
    }
    Inputs in;
    in.type = type;
    EXPECT_EQ(MakeGeometry(dims, c.ksize, c.strides, c.padding, format, &in.g), "");
    in.x = RandomTensor(type, in.g.outer * in.g.InputPositions() * in.g.inner, 1);
    in.gradient = RandomTensor(type, in.g.outer * in.g.OutputPositions() * in.g.inner, 2);
    return in;
  }

  template <class F>
  static void Compare(const Inputs& in, const F& run) {
    Results first;
    for (int64_t target : RunnableTargets()) {
      for (int threads : {1, 2, 5}) {
        UseTarget(target);
        Results results = run(in, Threads(threads));
        const DataType computed =
            in.type == DataType::kFloat64 ? DataType::kFloat64 : DataType::kFloat32;
        for (auto& [name, bytes] : results) {
          const bool of_parameter = name.find("parameter") != std::string::npos;
          MakeNaNEqual(of_parameter ? computed : in.type, &bytes);
        }
        if (first.empty()) first = results;
        for (const auto& [name, bytes] : results) {
          EXPECT_EQ(bytes, first[name])
              << TargetName(target) << ", " << threads << " threads, " << name;
        }
      }
    }
    UseTarget(0);
  }
};

TEST_P(SameBits, SoftPool) { Compare(Make(GetParam()), RunSoftPool); }

TEST_P(SameBits, SortedPool) {
  Inputs in = Make(GetParam());
  int64_t window = 1;
  for (int64_t k : std::get<0>(GetParam()).ksize) window *= k;
  const DataType computed = in.type == DataType::kFloat64 ? DataType::kFloat64 : DataType::kFloat32;
  for (int64_t pool_range : {int64_t{1}, (window + 1) / 2, window}) {
    in.pool_range = pool_range;
    in.per_channel = pool_range % 2 == 0;
    in.logits = RandomTensor(computed, pool_range * in.g.Channels(), 3);
    Compare(in, RunSortedPool);
  }
}

TEST_P(SameBits, ImportancePool) {
  Inputs in = Make(GetParam());
  in.importance = RandomTensor(in.type, in.x.size() / SizeOf(in.type), 3);
  Compare(in, RunImportancePool);
}

TEST_P(SameBits, DetailPreservingPool) {
  Inputs in = Make(GetParam());
  const DataType computed = in.type == DataType::kFloat64 ? DataType::kFloat64 : DataType::kFloat32;
  in.guide = RandomTensor(in.type, in.gradient.size() / SizeOf(in.type), 3);
  in.alpha = Uniform(computed, in.g.Channels(), 0, 2, 4);
  // Some so large that weights leave their type's range.
  in.lambda = Uniform(computed, in.g.Channels(), -4, 60, 5);
  in.symmetric = in.type == DataType::kFloat32 || in.type == DataType::kFloat16;
  Compare(in, RunDetailPreservingPool);
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
