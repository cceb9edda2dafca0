// The windows of a pooling as tensors in an XLA program, and sums of such tensors over windows.
#ifndef SOFTPOOL_XLA_WINDOWS_H_
#define SOFTPOOL_XLA_WINDOWS_H_

#include <algorithm>
#include <vector>

#include "softpool/engine/geometry.h"
#include "xla/hlo/builder/xla_builder.h"

namespace softpool {

// The windows along one spatial axis.
struct WindowAxis {
  PoolAxis pool;
  int dimension;  // of the input
  bool by_place;
  xla::XlaOp starts;  // where windows begin, if they are placed

  int64_t Taps() const { return by_place ? pool.window : std::min(pool.window, pool.in); }
  int64_t MostCovering() const {
    return starts.valid() ? std::min(pool.window, pool.out) : pool.MostCovering();
  }
  // Returns whether the windows are the input, cut into pieces of the same length.
  bool Cuts() const {
    return !starts.valid() && pool.in == pool.out * Taps() &&
           (pool.out == 1 || pool.stride == Taps());
  }
};

class Windows {
 public:
  // For a tensor of shape `dims`, which includes batch and channels. The geometry must be that of
  // this tensor. No dimension may be zero. With `by_place`, windows that the border cuts keep the
  // places of whole windows. `positions` is a valid tensor if the windows are placed.
  Windows(const std::vector<int64_t>& dims, const PoolGeometry& geometry, DataFormat data_format,
          bool by_place, xla::XlaOp positions);

  // Returns whether there are too many windows for XLA's 32-bit indices.
  bool AreTooMany() const;

  // Returns the positions of each window along a new first dimension, in row-major order. Smaller
  // windows have `fill` for the positions that they lack.
  xla::XlaOp Of(xla::XlaOp x, double fill) const;

  // Returns, for each position of the input, the sum of the values that the windows covering it
  // have for it.
  xla::XlaOp Sum(xla::XlaOp taps) const;

  // PerWindow() gives a tensor with one value for each window a new first dimension of length one.
  // Flat() removes that dimension.
  xla::XlaOp PerWindow(xla::XlaOp a) const;
  xla::XlaOp Flat(xla::XlaOp a) const;

  // Parameter() reshapes parameters [channels], [n] or [n, channels] to go with what Of() returns:
  // n takes the place of the positions. ParameterSum() sums gradients over all windows, to the
  // shape of the parameter.
  xla::XlaOp Parameter(xla::XlaOp a, bool per_channel) const;
  xla::XlaOp ParameterSum(xla::XlaOp a, xla::XlaOp parameter, bool per_channel) const;

 private:
  std::vector<int64_t> WindowDims() const;

  std::vector<int64_t> dims_;
  std::vector<WindowAxis> axes_;  // the spatial ones
  int channels_;                  // the dimension of the channels
};

}  // namespace softpool

#endif  // SOFTPOOL_XLA_WINDOWS_H_
