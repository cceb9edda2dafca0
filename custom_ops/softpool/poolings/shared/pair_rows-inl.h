// Rows of pairs of sums. A row is made when it is first needed, and serves all sums over rows that
// it is a part of.
#if defined(SOFTPOOL_POOLINGS_SHARED_PAIR_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SHARED_PAIR_ROWS_INL_H_
#undef SOFTPOOL_POOLINGS_SHARED_PAIR_ROWS_INL_H_
#else
#define SOFTPOOL_POOLINGS_SHARED_PAIR_ROWS_INL_H_
#endif

#include <algorithm>
#include <vector>

#include "softpool/engine/block-inl.h"
#include "softpool/engine/scratch.h"
#include "softpool/simd/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// The rows of a box lie along its last axis. No more of them are kept than one sum reaches over.
template <class C>
class PairRows {
 public:
  // Begins with no row. A row has `columns` pairs, and a sum reaches over most[axis] rows along an
  // axis. If there are planes, sums over the same planes may follow each other, each over all rows.
  template <class D>
  void Begin(D d, const Ranges& box, int64_t columns, bool planes, const Position& most) {
    box_ = box;
    row_size_ = columns * 2 * static_cast<int64_t>(hn::Lanes(d));
    kept_ = planes ? most[0] * box[1].Size() : most[1];
    kept_ = std::min(kept_, box[0].Size() * box[1].Size());
    made_ = 0;
    memory_.Reserve(kept_ * row_size_);
  }

  // Makes all rows up to (i0, i1) that were not made yet, in order, by calls of make(i0, i1, row).
  template <class F>
  HWY_INLINE void MakeUntil(int64_t i0, int64_t i1, const F& make) {
    const int64_t last = Index(i0, i1), width = box_[1].Size();
    for (; made_ <= last; ++made_) {
      make(box_[0].begin + made_ / width, box_[1].begin + made_ % width, Row(made_));
    }
  }

  // Calls f(column, first, second) for the sums over some rows, in order. The rows must be made.
  template <class D, class F>
  HWY_INLINE void Sum(D d, Range rows0, Range rows1, const F& f) {
    rows_.clear();
    for (int64_t i0 = rows0.begin; i0 < rows0.end; ++i0) {
      for (int64_t i1 = rows1.begin; i1 < rows1.end; ++i1) rows_.push_back(Row(Index(i0, i1)));
    }
    switch (rows_.size()) {
      case 1:
        return SumRows<1>(d, f);
      case 2:
        return SumRows<2>(d, f);
      case 3:
        return SumRows<3>(d, f);
      default:
        return rows_.size() <= TapSum<D, false>::kRun ? SumRows<0>(d, f) : SumManyRows(d, f);
    }
  }

 private:
  int64_t Index(int64_t i0, int64_t i1) const {
    return (i0 - box_[0].begin) * box_[1].Size() + i1 - box_[1].begin;
  }
  C* Row(int64_t index) { return memory_.Reserve(0) + index % kept_ * row_size_; }

  // kRows is the number of rows, or zero if the compiler does not know it.
  template <int kRows, class D, class F>
  HWY_INLINE void SumRows(D d, const F& f) const {
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    const int64_t count = kRows > 0 ? kRows : static_cast<int64_t>(rows_.size());
    const C* known[kRows > 0 ? kRows : 1];
    for (int i = 0; i < kRows; ++i) known[i] = rows_[i];
    const C* const* rows = kRows > 0 ? known : rows_.data();
    for (int64_t at = 0, column = 0; at < row_size_; at += 2 * lanes, ++column) {
      V<D> first = hn::Load(d, rows[0] + at), second = hn::Load(d, rows[0] + at + lanes);
      for (int64_t i = 1; i < count; ++i) {
        first = hn::Add(first, hn::Load(d, rows[i] + at));
        second = hn::Add(second, hn::Load(d, rows[i] + at + lanes));
      }
      f(column, first, second);
    }
  }

  template <class D, class F>
  HWY_INLINE void SumManyRows(D d, const F& f) const {
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    const int64_t count = static_cast<int64_t>(rows_.size());
    for (int64_t at = 0, column = 0; at < row_size_; at += 2 * lanes, ++column) {
      TapSum<D, true> first, second;
      for (int64_t i = 0; i < count; ++i) {
        first.Add(i, hn::Load(d, rows_[i] + at));
        second.Add(i, hn::Load(d, rows_[i] + at + lanes));
      }
      f(column, first.Total(), second.Total());
    }
  }

  Ranges box_;
  int64_t row_size_ = 0;
  int64_t kept_ = 0, made_ = 0;  // numbers of rows
  Scratch<C> memory_;
  std::vector<const C*> rows_;  // of the sum that is being made
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
