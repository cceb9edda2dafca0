// The windows of a pooling as tensors in an XLA program, and the way back.
#ifndef SOFTPOOL_XLA_WINDOWS_H_
#define SOFTPOOL_XLA_WINDOWS_H_

#include <algorithm>
#include <vector>

#include "softpool/engine/geometry.h"
#include "xla/hlo/builder/xla_builder.h"

namespace softpool {

class Windows {
 public:
  // Over a tensor of shape `dims`, batch and channels included, for which the geometry was made.
  // None of its dimensions is zero.
  Windows(const std::vector<int64_t>& dims, const PoolGeometry& geometry, DataFormat data_format);

  // Whether XLA's 32-bit indices do not suffice.
  bool AreTooMany() const;

  // The positions of each window along a new first dimension, in row-major order, and `fill` for
  // those that a smaller window lacks.
  xla::XlaOp Of(xla::XlaOp x, double fill) const;

  // For each position of the input, the sum of what the windows that cover it have for it.
  xla::XlaOp Sum(xla::XlaOp taps) const;

  // A tensor of one value for each window, with a new first dimension of length one; and without.
  xla::XlaOp PerWindow(xla::XlaOp a) const;
  xla::XlaOp Flat(xla::XlaOp a) const;

  // Parameters [channels], [n] or [n, channels], to go with what Of() makes, n being in the place
  // of the positions; and their gradients, summed over all windows.
  xla::XlaOp Parameter(xla::XlaOp a, bool per_channel) const;
  xla::XlaOp ParameterSum(xla::XlaOp a, xla::XlaOp parameter, bool per_channel) const;

 private:
  struct Axis {
    PoolAxis pool;
    int dimension;  // of the input

    int64_t Taps() const { return std::min(pool.window, pool.in); }
    // Whether the windows are the input, cut into pieces of the same length.
    bool Cuts() const {
      return pool.in == pool.out * Taps() && (pool.out == 1 || pool.stride == Taps());
    }
  };

  std::vector<int64_t> WindowDims() const;

  std::vector<int64_t> dims_;
  std::vector<Axis> axes_;  // the spatial ones
  int channels_;            // which dimension they are
};

}  // namespace softpool

#endif  // SOFTPOOL_XLA_WINDOWS_H_
