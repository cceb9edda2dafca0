// The driver on a GPU. It picks a program and a grid, and runs a pooling's mathematics over every
// window. A pooling calls RunPooling() or OnEachType() and needs nothing else from this file.
#ifndef SOFTPOOL_CUDA_DRIVER_H_
#define SOFTPOOL_CUDA_DRIVER_H_

#include "softpool/cuda/tiles.h"

namespace softpool {
namespace HWY_NAMESPACE {

// Enough blocks to keep every device busy, but few enough that each block's sums, and the work that
// each block does once, cost little.
inline constexpr int64_t kMostBlocks = 1 << 12, kMostBlocksWithSums = 1024;
// Limits on parts of a block's shared memory.
inline constexpr size_t kMostBytesForSums = 32 * 1024, kBytesForTile = 32 * 1024;
inline constexpr size_t kMostBytesBesideTile = kMostShared - kBytesForTile;

// What the gradients of parameters need: the number of their rows, and a function that stores them
// when all blocks are done.
struct ParameterGradients {
  int64_t rows = 0;
  std::function<std::string(const BlockSums&, int64_t slices)> store = {};
};

template <class Math, class T>
class Driver {
 public:
  using C = ComputeType<T>;
  static constexpr bool kSums = std::is_base_of_v<ThreadSumming, Math>;

  Driver(const Math& math, const PoolGeometry& g, const Tensors<T, Math>& tensors,
         const CudaStream& cuda, const ParameterGradients& parameters = {})
      : math_(math), g_(g), tensors_(tensors), cuda_(cuda), parameters_(parameters) {}

  std::string Run() const {
    if constexpr (Math::kTapOutputs > 0) {
      if (g_.Overlaps()) {
        if constexpr (!kFewKernels) {
          if (IsOfSize<1, 3, 3>()) return RunTiles<Size<1, 3, 3>>();
        }
        return RunTiles<AnySize>();
      }
      if (g_.HasGaps()) {
        const size_t bytes = sizeof(T) * g_.outer * g_.InputPositions() * g_.inner;
        for (T* gradient : tensors_.tap_out) {
          const std::string error = Clear(gradient, bytes, cuda_);
          if (!error.empty()) return error;
        }
      }
    }
    return RunWindowsOfItsSize();
  }

 private:
  // Separate kernels for every shape would make the library large, so double and some poolings have
  // few of them.
  static constexpr bool kFewKernels = sizeof(T) == 8 || Math::kFewSizes;

  std::string RunWindowsOfItsSize() const {
    constexpr int kVector = 16 / sizeof(T);
    if (IsOfSize<1, 2, 2>()) {
      if (ChannelsFit(kVector)) return RunWindows<Size<1, 2, 2>, Layout<kVector, 1>>();
      if constexpr (!kFewKernels) {
        if (RowsFit(kVector)) return RunWindows<Size<1, 2, 2>, Layout<kVector, 2>>();
        return RunWindows<Size<1, 2, 2>, Layout<1, 1>>();
      }
    }
    if constexpr (!kFewKernels) {
      if (IsOfSize<1, 3, 3>()) {
        // Larger windows fill the registers with fewer channels side by side.
        if (ChannelsFit(4)) return RunWindows<Size<1, 3, 3>, Layout<4, 1>>();
        return RunWindows<Size<1, 3, 3>, Layout<1, 1>>();
      }
    }
    return RunWindows<AnySize, Layout<1, 1>>();
  }

  template <int k0, int k1, int k2>
  bool IsOfSize() const {
    return g_.axis[0].window == k0 && g_.axis[1].window == k1 && g_.axis[2].window == k2;
  }

  // Returns whether all tensors begin at multiples of `bytes` bytes.
  bool Aligned(size_t bytes) const {
    const auto aligned = [&](const T* p) { return reinterpret_cast<uintptr_t>(p) % bytes == 0; };
    const auto all = [&](const auto& tensors) {
      return std::all_of(tensors.begin(), tensors.end(), aligned);
    };
    return all(tensors_.tap_in) && all(tensors_.window_in) && all(tensors_.window_out) &&
           all(tensors_.tap_out);
  }
  // Returns whether `vector` consecutive channels can be loaded at once everywhere.
  bool ChannelsFit(int vector) const {
    return g_.inner % vector == 0 && Aligned(vector * sizeof(T));
  }
  // Returns whether `vector` consecutive values of a row can be loaded at once everywhere, for
  // windows that divide rows into pairs.
  bool RowsFit(int vector) const {
    const PoolAxis& row = g_.axis[2];
    return g_.inner == 1 && !row.IsUneven() && row.stride == 2 && row.pad == 0 &&
           row.in % vector == 0 && Aligned(vector * sizeof(T));
  }

  template <class Size_, class L>
  std::string RunWindows() const {
    constexpr int kChannels = L::kChannels ? L::kVector : 1;
    BlockSums sums = Sums();
    const int threads = kSums ? sums.ThreadsFor(kMostBytesForSums, kChannels) : kThreads;
    const ChannelMap channels(g_, kChannels, /*most_columns=*/std::min(threads, 64));
    constexpr int kInRow = L::kChannels ? 1 : L::kLanes;
    const PositionMap positions(g_.outer / g_.outer_channels, g_.axis[0].out, g_.axis[1].out,
                                g_.axis[2].out / kInRow);
    const Grid grid = GridFor(channels, positions.count, channels.Rows(threads), threads);
    if (kSums) sums.partial = Partial(sums, grid.slices);
    const WindowsProgram<Math, T, Size_, L> program{math_,    tensors_,  g_,  g_.InputSteps(),
                                                    channels, positions, sums};
    return Finish(
        Launch(program, WithShared(grid, sums.SharedBytes(threads, channels.vector)), cuda_), sums,
        grid.slices);
  }

  template <class Size_>
  std::string RunTiles() const {
    if constexpr (Math::kTapOutputs > 0) {
      BlockSums sums = Sums();
      const int most = kSums ? sums.ThreadsFor(kMostBytesBesideTile, 1) : kThreads;
      const ChannelMap channels(g_, 1, /*most_columns=*/std::min(most, 32));
      const int64_t values = kBytesForTile / sizeof(C) / Math::kTapOutputs;
      const TileSizes sizes = TilesOf(g_, values / channels.columns);
      int64_t count[kAxes], apart[kAxes], at_once = 1;
      for (int i = 0; i < kAxes; ++i) {
        const PoolAxis& axis = g_.axis[i];
        count[i] = (axis.in + sizes.size[i] - 1) / sizes.size[i];
        apart[i] = axis.MostCovering();
        const int64_t reach = MostReaching(axis, sizes.size[i]);
        at_once *= (reach + apart[i] - 1) / apart[i];
      }
      const PositionMap tiles(g_.outer / g_.outer_channels, count[0], count[1], count[2]);
      const int threads = std::min(most, ThreadsFor(at_once * channels.columns));
      const Grid grid = GridFor(channels, tiles.count, 1, threads);
      if (kSums) sums.partial = Partial(sums, grid.slices);
      const size_t sums_bytes = sums.SharedBytes(threads, 1);
      const TilesProgram<Math, T, Size_> program{
          math_,
          tensors_,
          g_,
          g_.InputSteps(),
          channels,
          tiles,
          sizes,
          {apart[0], apart[1], apart[2]},
          {Divisor(g_.axis[0].stride), Divisor(g_.axis[1].stride), Divisor(g_.axis[2].stride)},
          {Divisor(apart[0]), Divisor(apart[1]), Divisor(apart[2])},
          Divisor(apart[0] * apart[1] * apart[2] + 1),
          sums,
          sums_bytes};
      const size_t tile_bytes =
          sizeof(C) * Math::kTapOutputs * sizes.Positions() * channels.columns;
      return Finish(Launch(program, WithShared(grid, sums_bytes + tile_bytes), cuda_), sums,
                    grid.slices);
    }
    return "";
  }

  // Returns the most windows that reach into `size` positions.
  static int64_t MostReaching(const PoolAxis& axis, int64_t size) {
    const int64_t apart = (size + axis.window - 2) / axis.stride + 1;
    return std::min(axis.IsUneven() ? apart * axis.MostCovering() : apart, axis.out);
  }
  // Returns as many threads as `items` items need at a time, in whole warps and at most kThreads.
  static int ThreadsFor(int64_t items) {
    return static_cast<int>(std::min<int64_t>((items + 31) / 32 * 32, kThreads));
  }
  BlockSums Sums() const { return {parameters_.rows, g_.Channels(), nullptr}; }
  double* Partial(const BlockSums& sums, int64_t slices) const {
    return static_cast<double*>(
        cuda_.allocate(sizeof(double) * slices * sums.rows * sums.channels));
  }
  static Grid GridFor(const ChannelMap& channels, int64_t items, int64_t items_per_block,
                      int threads) {
    const int64_t most = kSums ? kMostBlocksWithSums : kMostBlocks;
    return {channels.groups, SlicesFor(items, items_per_block, channels.groups, most), threads, 0};
  }
  static Grid WithShared(Grid grid, size_t bytes) {
    grid.shared_bytes = bytes;
    return grid;
  }
  std::string Finish(const std::string& error, const BlockSums& sums, int64_t slices) const {
    return error.empty() && kSums ? parameters_.store(sums, slices) : error;
  }

  const Math& math_;
  const PoolGeometry& g_;
  const Tensors<T, Math>& tensors_;
  const CudaStream& cuda_;
  const ParameterGradients& parameters_;
};

// Calls f with a value of the input's type and returns the error message that f returns. Only the
// type of the value matters. If there are no windows, sets the gradients of parameters to zero
// instead.
template <class F>
std::string OnEachType(const Call& call, const CudaStream& cuda, const F& f) {
  std::string error;
  if (!call.geometry.Empty()) {
    WithType(call.Type(), [&](auto value) { error = f(value); });
    return error;
  }
  for (size_t i = 0; i < call.outputs.size() && error.empty(); ++i) {
    if (!IsParameter(call.op->outputs[i].role)) continue;
    error = Clear(call.outputs[i].data, call.outputs[i].Bytes(), cuda);
  }
  return error;
}

// Runs Math<C>, made from the call, over all windows of a prepared call. C is the type that the
// call's values are computed in.
template <template <class> class Math>
std::string RunPooling(const Call& call, const CudaStream& cuda) {
  return OnEachType(call, cuda, [&](auto value) {
    using T = decltype(value);
    using M = Math<ComputeType<T>>;
    return Driver<M, T>(M(call), call.geometry, TensorsOf<T, M>(call), cuda).Run();
  });
}

// The same for mathematics that sums the gradients of parameters of each channel. The rows of the
// sums are those of the op's parameters, in order.
template <template <class, class> class Math>
std::string RunSumming(const Call& call, const CudaStream& cuda) {
  return OnEachType(call, cuda, [&](auto value) -> std::string {
    using T = decltype(value);
    using C = ComputeType<T>;
    using M = Math<C, ThreadSumming>;
    const auto store = [&](const BlockSums& sums, int64_t slices) {
      std::string error;
      ForEachParameterGradient(call, [&](const Tensor& gradient, int64_t row, int64_t rows) {
        if (!error.empty()) return;
        error = StoreTotals(sums, slices, row, rows, static_cast<C*>(gradient.data), cuda);
      });
      return error;
    };
    const int64_t rows = ForEachParameterGradient(call, [](auto&&...) {});
    constexpr int64_t kMostRows = kMostBytesBesideTile / sizeof(double);
    if (rows > kMostRows) {
      return "CUDA kernels compute gradients of at most " + std::to_string(kMostRows) +
             " parameters of each channel, got " + std::to_string(rows);
    }
    const ParameterGradients parameters{rows, store};
    return Driver<M, T>(M(call, ThreadSumming()), call.geometry, TensorsOf<T, M>(call), cuda,
                        parameters)
        .Run();
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool

#endif  // SOFTPOOL_CUDA_DRIVER_H_
