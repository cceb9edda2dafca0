#include "softpool/xla/windows.h"

#include <algorithm>
#include <limits>

#include "softpool/xla/arithmetic.h"
#include "xla/hlo/builder/lib/arithmetic.h"
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

// Returns elements of a vector by a matrix of their indices.
XlaOp At(XlaOp vector, XlaOp indices) {
  const std::vector<int64_t> dims = DimsOf(indices);
  const XlaOp flat = xla::ConvertElementType(xla::Reshape(indices, {dims[0] * dims[1]}), xla::S32);
  return xla::Reshape(xla::TorchIndexSelect(vector, flat, 0), dims);
}

// Where windows begin and end, given their numbers. A window that is cut begins inside the input
// unless the axis is by place.
struct Bounds {
  Bounds(const WindowAxis& of, XlaOp window, const Grid& grid) {
    const PoolAxis& axis = of.pool;
    const auto part = [&](XlaOp o, int64_t rest) {
      return (o * grid(axis.in) + grid(rest)) / grid(axis.out);
    };
    begin =
        (of.starts.valid() ? At(of.starts, window) : window * grid(axis.stride)) - grid(axis.pad);
    if (axis.adaptive) begin = part(window, 0);
    if (axis.adaptive) end = part(window + grid(1), axis.out - 1);
    if (axis.centred) begin = (begin + end) / grid(2) - grid(axis.window / 2);
    if (!axis.adaptive || axis.centred) end = begin + grid(axis.window);
    end = xla::Min(end, grid(axis.in));
    if (!of.by_place) begin = xla::Max(begin, grid(0));
  }
  XlaOp begin, end;
};

// Returns the position in the input for each place in a window along an axis, and for each window.
Selection PositionsOf(xla::XlaBuilder* builder, const WindowAxis& axis) {
  const Grid grid(builder, axis.Taps(), axis.pool.out);
  const Bounds of(axis, grid.column, grid);
  const XlaOp position = of.begin + grid.row;
  return {position, xla::And(xla::Ge(position, grid(0)), xla::Lt(position, of.end))};
}

// Returns the last window that does not start after each position of an axis, or one that does not
// exist.
XlaOp LastReaching(const WindowAxis& of, const Grid& grid) {
  const PoolAxis& axis = of.pool;
  const XlaOp padded = grid.column + grid(axis.pad);
  if (of.starts.valid()) {
    const std::vector<int64_t> dims = {axis.out, DimsOf(padded)[0], DimsOf(padded)[1]};
    const XlaOp before = xla::Le(xla::BroadcastInDim(of.starts, dims, {0}),
                                 xla::BroadcastInDim(padded, dims, {1, 2}));
    const XlaOp ones = xla::ConvertElementType(before, xla::S64);
    const auto add = xla::CreateScalarAddComputation(xla::S64, ones.builder());
    return xla::Reduce(ones, grid(0), add, {0}) - grid(1);
  }
  if (axis.centred) return xla::ZerosLike(padded) + grid(axis.out - 1);
  if (axis.adaptive) {
    return ((grid.column + grid(1)) * grid(axis.out) - grid(1)) / grid(axis.in);
  }
  return padded / grid(axis.stride);
}

// Returns, for each position of the input along an axis, all windows that cover the position. Each
// is given as the place in PositionsOf() that holds the position.
Selection WindowsCovering(xla::XlaBuilder* builder, const WindowAxis& axis) {
  const Grid grid(builder, axis.MostCovering(), axis.pool.in);
  const XlaOp last = LastReaching(axis, grid);
  const XlaOp window = xla::Min(last, grid(axis.pool.out - 1)) - grid.row;
  const Bounds of(axis, xla::Max(window, grid(0)), grid);
  const XlaOp place = grid.column - of.begin;
  const XlaOp covers = xla::And(xla::Ge(window, grid(0)),
                                xla::And(xla::Ge(place, grid(0)), xla::Lt(grid.column, of.end)));
  return {place * grid(axis.pool.out) + window, covers};
}

}  // namespace

Windows::Windows(const std::vector<int64_t>& dims, const PoolGeometry& geometry,
                 DataFormat data_format, bool by_place, xla::XlaOp positions)
    : dims_(dims) {
  const int spatial = static_cast<int>(dims.size()) - 2;
  const bool last = data_format == DataFormat::kChannelsLast;
  channels_ = last ? spatial + 1 : 1;
  int64_t begin = 0;
  for (int i = 0; i < spatial; ++i) {
    const PoolAxis& pool = geometry.axis[kAxes - spatial + i];
    axes_.push_back({pool, i + (last ? 1 : 2), by_place, {}});
    if (!positions.valid()) continue;
    const XlaOp starts = xla::SliceInDim(positions, begin, begin + pool.out, 1, 0);
    axes_.back().starts = xla::ConvertElementType(starts, xla::S64);
    begin += pool.out;
  }
}

bool Windows::AreTooMany() const {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  return std::any_of(axes_.begin(), axes_.end(), [](const WindowAxis& axis) {
    return axis.Taps() > kMost / axis.pool.out || axis.MostCovering() > kMost / axis.pool.in;
  });
}

XlaOp Windows::Of(XlaOp x, double fill) const {
  // Begins with the last axis, so that the first axis's places come first in the end.
  for (int added = 0; added < static_cast<int>(axes_.size()); ++added) {
    const WindowAxis& axis = axes_[axes_.size() - 1 - added];
    const int dimension = axis.dimension + added;
    if (axis.Cuts()) {
      x = Moved(Split(x, dimension, axis.pool.out, axis.Taps()), dimension + 1, 0);
    } else {
      const Selection positions = PositionsOf(x.builder(), axis);
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
    const WindowAxis& axis = axes_[i];
    // The dimension of this axis, once its own places have left the front. The places of later axes
    // are still there.
    const int dimension = axis.dimension + static_cast<int>(axes_.size() - 1 - i);
    if (axis.Cuts()) {
      taps = Joined(Moved(taps, 0, dimension + 1), dimension);
    } else {
      taps = Joined(Moved(taps, 0, dimension), dimension);
      taps = Select(taps, dimension, WindowsCovering(taps.builder(), axis), 0);
      taps = SumOver(taps, {dimension});
    }
  }
  return taps;
}

std::vector<int64_t> Windows::WindowDims() const {
  std::vector<int64_t> dims = dims_;
  for (const WindowAxis& axis : axes_) dims[axis.dimension] = axis.pool.out;
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
