#include "xla/windows.h"

#include <algorithm>

#include "xla/arithmetic.h"
#include "xla/hlo/builder/lib/arithmetic.h"
#include "xla/hlo/builder/lib/slicing.h"
#include "xla/shape.h"

namespace softpool {
namespace {

using xla::XlaOp;

std::vector<int64_t> DimsOf(XlaOp a) {
  const xla::Shape shape = a.builder()->GetShape(a).value();
  return {shape.dimensions().begin(), shape.dimensions().end()};
}

// Moves a dimension to another place among the others.
XlaOp Moved(XlaOp a, int from, int to) {
  std::vector<int64_t> order;
  for (size_t i = 0; i < DimsOf(a).size(); ++i) order.push_back(i);
  order.erase(order.begin() + from);
  order.insert(order.begin() + to, from);
  return xla::Transpose(a, order);
}

// Replaces a dimension by two, whose product is its length.
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

// Which elements along a dimension to take, row by row, -1 standing for none.
struct Selection {
  int64_t rows, columns;
  std::vector<int32_t> from;
};

XlaOp Select(XlaOp a, int dimension, Selection selection, double fill) {
  std::vector<int64_t> dims = DimsOf(a);
  dims[dimension] = static_cast<int64_t>(selection.from.size());
  const bool all =
      std::find(selection.from.begin(), selection.from.end(), -1) == selection.from.end();
  const XlaOp from = xla::ConstantR1<int32_t>(a.builder(), selection.from);
  const XlaOp none = xla::BroadcastInDim(xla::Lt(from, xla::ConstantR0<int32_t>(a.builder(), 0)),
                                         dims, {dimension});
  a = xla::TorchIndexSelect(a, xla::Max(from, xla::ConstantR0<int32_t>(a.builder(), 0)), dimension);
  return Split(all ? a : Where(none, fill, a), dimension, selection.rows, selection.columns);
}

// For each place in a window along an axis, and each window, the position of the input.
Selection PositionsOf(const PoolAxis& axis, int64_t taps) {
  Selection selection{taps, axis.out, {}};
  for (int64_t t = 0; t < taps; ++t) {
    for (int64_t o = 0; o < axis.out; ++o) {
      const int64_t i = axis.Begin(o) + t;
      selection.from.push_back(static_cast<int32_t>(i < axis.End(o) ? i : -1));
    }
  }
  return selection;
}

// For each position of the input along an axis, all windows that cover it, as the place in
// PositionsOf() that is that position.
Selection WindowsCovering(const PoolAxis& axis, int64_t taps) {
  std::vector<std::vector<int32_t>> covering(axis.in);
  size_t most = 1;
  for (int64_t o = 0; o < axis.out; ++o) {
    for (int64_t t = 0; t < taps && axis.Begin(o) + t < axis.End(o); ++t) {
      auto& places = covering[axis.Begin(o) + t];
      places.push_back(static_cast<int32_t>(t * axis.out + o));
      most = std::max(most, places.size());
    }
  }
  Selection selection{static_cast<int64_t>(most), axis.in, {}};
  for (size_t row = 0; row < most; ++row) {
    for (const auto& places : covering) {
      selection.from.push_back(row < places.size() ? places[row] : -1);
    }
  }
  return selection;
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

XlaOp Windows::Of(XlaOp x, double fill) const {
  // The last axis first, so that the first axis's places come first in the end.
  for (int added = 0; added < static_cast<int>(axes_.size()); ++added) {
    const Axis& axis = axes_[axes_.size() - 1 - added];
    const int dimension = axis.dimension + added;
    if (axis.Cuts()) {
      x = Moved(Split(x, dimension, axis.pool.out, axis.Taps()), dimension + 1, 0);
    } else {
      x = Moved(Select(x, dimension, PositionsOf(axis.pool, axis.Taps()), fill), dimension, 0);
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
    // Where the axis is, once its own places no longer come before it.
    const int dimension = axis.dimension + static_cast<int>(axes_.size() - 1 - i);
    if (axis.Cuts()) {
      taps = Joined(Moved(taps, 0, dimension + 1), dimension);
      continue;
    }
    taps = Joined(Moved(taps, 0, dimension), dimension);
    taps = Select(taps, dimension, WindowsCovering(axis.pool, axis.Taps()), 0);
    taps = xla::Reduce(taps, Number(taps, 0),
                       xla::CreateScalarAddComputation(
                           taps.builder()->GetShape(taps).value().element_type(), taps.builder()),
                       {dimension});
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
  const auto add =
      xla::CreateScalarAddComputation(a.builder()->GetShape(a).value().element_type(), a.builder());
  return xla::Reshape(xla::Reduce(a, Number(a, 0), add, over), DimsOf(parameter));
}

}  // namespace softpool
