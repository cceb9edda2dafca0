#include "softpool/xla/windows.h"

#include <algorithm>
#include <limits>

#include "softpool/xla/arithmetic.h"
#include "xla/hlo/builder/lib/constants.h"
#include "xla/hlo/builder/lib/slicing.h"

namespace softpool {
namespace {

using xla::XlaOp;

std::vector<int64_t> DimsOf(XlaOp a) {
  const xla::Shape shape = ShapeOf(a);
  return {shape.dimensions().begin(), shape.dimensions().end()};
}

// Returns `a` with one dimension moved to another place among the others.
XlaOp Moved(XlaOp a, int from, int to) {
  std::vector<int64_t> order;
  for (size_t i = 0; i < DimsOf(a).size(); ++i) order.push_back(i);
  order.erase(order.begin() + from);
  order.insert(order.begin() + to, from);
  return xla::Transpose(a, order);
}

// Replaces a dimension with two dimensions, whose product is its length.
XlaOp Split(XlaOp a, int dimension, int64_t first, int64_t second) {
  std::vector<int64_t> dims = DimsOf(a);
  dims[dimension] = first;
  dims.insert(dims.begin() + dimension + 1, second);
  return xla::Reshape(a, dims);
}

// Joins a dimension and the one after it.
XlaOp Joined(XlaOp a, int dimension) {
  std::vector<int64_t> dims = DimsOf(a);
  dims[dimension] *= dims[dimension + 1];
  dims.erase(dims.begin() + dimension + 1);
  return xla::Reshape(a, dims);
}

// Which elements along a dimension to take, row by row: `from` has their indices, and `exists` says
// whether there is such an element.
struct Selection {
  XlaOp from, exists;  // [rows, columns]
};

XlaOp Select(XlaOp a, int dimension, const Selection& selection, double fill) {
  const std::vector<int64_t> rows_and_columns = DimsOf(selection.from);
  std::vector<int64_t> dims = DimsOf(a);
  dims[dimension] = rows_and_columns[0] * rows_and_columns[1];
  const auto flat = [&](XlaOp b) { return xla::Reshape(b, {dims[dimension]}); };
  const XlaOp from = xla::Select(selection.exists, selection.from, xla::ZerosLike(selection.from));
  const XlaOp taken =
      xla::TorchIndexSelect(a, xla::ConvertElementType(flat(from), xla::S32), dimension);
  const XlaOp exists = xla::BroadcastInDim(flat(selection.exists), dims, {dimension});
  return Split(Where(exists, taken, fill), dimension, rows_and_columns[0], rows_and_columns[1]);
}

// The row and column numbers of a grid. They have 64 bits, because a window's size and its stride
// may each take all of 31 bits.
struct Grid {
  Grid(xla::XlaBuilder* builder, int64_t rows, int64_t columns) {
    const xla::Shape shape = xla::ShapeUtil::MakeShape(xla::S64, {rows, columns});
    row = xla::Iota(builder, shape, 0);
    column = xla::Iota(builder, shape, 1);
  }
  XlaOp operator()(int64_t number) const { return xla::ConstantR0<int64_t>(row.builder(), number); }
  XlaOp row, column;
};

// Returns the position in the input for each place in a window along an axis, and for each window.
Selection PositionsOf(xla::XlaBuilder* builder, const PoolAxis& axis, int64_t taps) {
  const Grid grid(builder, taps, axis.out);
  const XlaOp start = grid.column * grid(axis.stride) - grid(axis.pad);
  const XlaOp end = xla::Min(start + grid(axis.window), grid(axis.in));
  const XlaOp position = xla::Max(start, grid(0)) + grid.row;
  return {position, xla::Lt(position, end)};
}

// Returns the largest number of windows that cover a position.
int64_t MostCovering(const PoolAxis& axis) {
  return std::min(axis.out, (axis.window - 1) / axis.stride + 1);
}

// Returns, for each position of the input along an axis, all windows that cover the position. Each
// is given as the place in PositionsOf() that holds the position.
Selection WindowsCovering(xla::XlaBuilder* builder, const PoolAxis& axis) {
  const Grid grid(builder, MostCovering(axis), axis.in);
  const XlaOp padded = grid.column + grid(axis.pad);
  // Windows after this one start too late or do not exist.
  const XlaOp last = xla::Min(padded / grid(axis.stride), grid(axis.out - 1));
  const XlaOp window = last - grid.row;
  const XlaOp start = window * grid(axis.stride) - grid(axis.pad);
  const XlaOp place = grid.column - xla::Max(start, grid(0));
  const XlaOp covers =
      xla::And(xla::Ge(window, grid(0)), xla::Lt(grid.column, start + grid(axis.window)));
  return {place * grid(axis.out) + window, covers};
}

}  // namespace

Windows::Windows(const std::vector<int64_t>& dims, const PoolGeometry& geometry,
                 DataFormat data_format)
    : dims_(dims) {
  const int spatial = static_cast<int>(dims.size()) - 2;
  const bool last = data_format == DataFormat::kChannelsLast;
  channels_ = last ? spatial + 1 : 1;
  for (int i = 0; i < spatial; ++i) {
    axes_.push_back({geometry.axis[kAxes - spatial + i], i + (last ? 1 : 2)});
  }
}

bool Windows::AreTooMany() const {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  return std::any_of(axes_.begin(), axes_.end(), [](const Axis& axis) {
    return axis.Taps() > kMost / axis.pool.out || MostCovering(axis.pool) > kMost / axis.pool.in;
  });
}

XlaOp Windows::Of(XlaOp x, double fill) const {
  // Begins with the last axis, so that the first axis's places come first in the end.
  for (int added = 0; added < static_cast<int>(axes_.size()); ++added) {
    const Axis& axis = axes_[axes_.size() - 1 - added];
    const int dimension = axis.dimension + added;
    if (axis.Cuts()) {
      x = Moved(Split(x, dimension, axis.pool.out, axis.Taps()), dimension + 1, 0);
    } else {
      const Selection positions = PositionsOf(x.builder(), axis.pool, axis.Taps());
      x = Moved(Select(x, dimension, positions, fill), dimension, 0);
    }
  }
  for (size_t i = 1; i < axes_.size(); ++i) x = Joined(x, 0);
  return x;
}

XlaOp Windows::Sum(XlaOp taps) const {
  for (size_t i = axes_.size(); i > 1; --i) {
    const int64_t last = axes_[i - 1].Taps();
    taps = Split(taps, 0, DimsOf(taps)[0] / last, last);
  }
  for (size_t i = 0; i < axes_.size(); ++i) {
    const Axis& axis = axes_[i];
    // The dimension of this axis, once its own places have left the front. The places of later axes
    // are still there.
    const int dimension = axis.dimension + static_cast<int>(axes_.size() - 1 - i);
    if (axis.Cuts()) {
      taps = Joined(Moved(taps, 0, dimension + 1), dimension);
    } else {
      taps = Joined(Moved(taps, 0, dimension), dimension);
      taps = Select(taps, dimension, WindowsCovering(taps.builder(), axis.pool), 0);
      taps = SumOver(taps, {dimension});
    }
  }
  return taps;
}

std::vector<int64_t> Windows::WindowDims() const {
  std::vector<int64_t> dims = dims_;
  for (const Axis& axis : axes_) dims[axis.dimension] = axis.pool.out;
  return dims;
}

XlaOp Windows::PerWindow(XlaOp a) const {
  std::vector<int64_t> dims = WindowDims();
  dims.insert(dims.begin(), 1);
  return xla::Reshape(a, dims);
}

XlaOp Windows::Flat(XlaOp a) const { return xla::Reshape(a, WindowDims()); }

XlaOp Windows::Parameter(XlaOp a, bool per_channel) const {
  const std::vector<int64_t> old = DimsOf(a);
  std::vector<int64_t> dims(dims_.size() + 1, 1);
  if (per_channel) dims[channels_ + 1] = old.back();
  if (!per_channel || old.size() > 1) dims[0] = old.front();
  return xla::Reshape(a, dims);
}

XlaOp Windows::ParameterSum(XlaOp a, XlaOp parameter, bool per_channel) const {
  std::vector<int64_t> over;
  for (int i = 1; i <= static_cast<int>(dims_.size()); ++i) {
    if (!per_channel || i != channels_ + 1) over.push_back(i);
  }
  return xla::Reshape(SumOver(a, over), DimsOf(parameter));
}

}  // namespace softpool
