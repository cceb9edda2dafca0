// SoftPool of windows that overlap. The exponential of an input serves all windows that the input
// is in, and windows share sums over columns:
//
//   y = c + m,   m = P / E,   E = sum_i e_i,   P = sum_i e_i d_i
//
// where d_i = a_i - c is the distance from a number c that the block's windows share. With
// g = dL/dy, an input's gradient needs two sums over the windows that the input is in:
//
//   dL/da_i = e_i (A (1 + d_i) - B),   A = sum g / E,   B = sum g m / E
//
// A sum over a window's taps is made of sums along the last axis, which windows in a column share,
// and then of a sum over rows. Sums over an input's windows are made in the same way.
#if defined(SOFTPOOL_POOLINGS_SOFT_SOFT_POOL_BLOCKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SOFT_SOFT_POOL_BLOCKS_INL_H_
#undef SOFTPOOL_POOLINGS_SOFT_SOFT_POOL_BLOCKS_INL_H_
#else
#define SOFTPOOL_POOLINGS_SOFT_SOFT_POOL_BLOCKS_INL_H_
#endif

#include <limits>
#include <vector>

#include "softpool/poolings/shared/alone_windows-inl.h"
#include "softpool/poolings/shared/pair_rows-inl.h"
#include "softpool/poolings/shared/softmax_taps-inl.h"
#include "softpool/poolings/soft/soft_pool-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// The sums E and P of a block's windows.
template <class Block, From kFrom>
class SoftPoolSums {
 public:
  using D = typename Block::D;
  using C = typename Block::C;

  SoftPoolSums(const Block& block, const SoftmaxTaps<Block, true, kFrom>& taps, PairRows<C>* rows)
      : block_(block), taps_(taps), rows_(*rows) {
    const auto& a = block.g.axis;
    rows_.Begin(D(), block.inputs, block.windows[2].Size(), a[0].in > 1 || a[0].out > 1,
                {a[0].window, a[1].window, 1});
  }

  // Calls f(o2, E, P) for each window of a row, in order. Rows must be asked for in order.
  template <class F>
  HWY_INLINE void ForEachInRow(int64_t o0, int64_t o1, const F& f) {
    const PoolAxis* a = block_.g.axis.data();
    const Range rows0{a[0].Begin(o0), a[0].End(o0)}, rows1{a[1].Begin(o1), a[1].End(o1)};
    rows_.MakeUntil(rows0.end - 1, rows1.end - 1,
                    [&](int64_t i0, int64_t i1, C* to) HWY_ATTR { SumRow(i0, i1, to); });
    const int64_t first = block_.windows[2].begin;
    rows_.Sum(D(), rows0, rows1, [&](int64_t column, V<D> total, V<D> products) HWY_ATTR {
      f(first + column, total, products);
    });
  }

 private:
  // Sums up the taps of one row, for each window along the last axis.
  HWY_NOINLINE void SumRow(int64_t i0, int64_t i1, C* to) const {
    const D d;
    const PoolAxis& a = block_.g.axis[2];
    const Range windows = block_.windows[2];
    const int64_t size = taps_.Size();
    const C* row = taps_.At({i0, i1, block_.inputs[2].begin});
    const Range whole = UncutWindows(a, {0, a.in}, windows);
    for (int64_t o = windows.begin; o < windows.end;) {
      const bool uncut = o >= whole.begin && o < whole.end;
      const int64_t count = uncut ? whole.end - o : 1, taps = a.End(o) - a.Begin(o);
      const C* from = row + (a.Begin(o) - block_.inputs[2].begin) * size;
      if (taps == 2) {
        SumWindows<2>(d, from, taps, count, a.stride * size, to);
      } else if (taps == 3) {
        SumWindows<3>(d, from, taps, count, a.stride * size, to);
      } else if (taps <= TapSum<D, false>::kRun) {
        SumWindows<0>(d, from, taps, count, a.stride * size, to);
      } else {
        SumLongWindows(d, from, taps, count, a.stride * size, to);
      }
      o += count;
      to += count * 2 * taps_.Lanes();
    }
  }

  // Sums up `taps` taps from each of `count` places that are `step` apart. kTaps is `taps`, or zero
  // if the compiler does not know it.
  template <int kTaps>
  HWY_INLINE void SumWindows(D d, const C* from, int64_t taps, int64_t count, int64_t step,
                             C* to) const {
    const int64_t lanes = taps_.Lanes(), size = taps_.Size();
    if (kTaps > 0) taps = kTaps;
    for (; count > 0; --count, from += step, to += 2 * lanes) {
      V<D> total = hn::Load(d, from + lanes);
      V<D> products = hn::Mul(hn::Load(d, from), total);
      for (int64_t k = 1; k < taps; ++k) {
        const V<D> e = hn::Load(d, from + k * size + lanes);
        total = hn::Add(total, e);
        products = MulAdd(d, e, hn::Load(d, from + k * size), products);
      }
      hn::Store(total, d, to);
      hn::Store(products, d, to + lanes);
    }
  }

  HWY_INLINE void SumLongWindows(D d, const C* from, int64_t taps, int64_t count, int64_t step,
                                 C* to) const {
    const int64_t lanes = taps_.Lanes(), size = taps_.Size();
    for (; count > 0; --count, from += step, to += 2 * lanes) {
      TapSum<D, true> total, products;
      for (int64_t k = 0; k < taps; ++k) {
        const V<D> e = hn::Load(d, from + k * size + lanes);
        total.Add(k, e);
        products.AddProduct(k, e, hn::Load(d, from + k * size));
      }
      hn::Store(total.Total(), d, to);
      hn::Store(products.Total(), d, to + lanes);
    }
  }

  const Block& block_;
  const SoftmaxTaps<Block, true, kFrom>& taps_;
  PairRows<C>& rows_;
};

// Returns whether sums are exact: no weight was lost because the window's values are far below the
// block's largest, and no value is infinite, NaN, or further than `most` from what distances are
// measured from.
template <class D>
HWY_INLINE M<D> IsExact(D d, V<D> total, V<D> mean, hn::TFromD<D> most) {
  const auto heavy = hn::Ge(total, hn::Set(d, SharedExp<D>::kLeastTotal));
  return hn::And(heavy, hn::Le(hn::Abs(mean), hn::Set(d, most)));
}

// Adds pooling by blocks to the mathematics of single windows.
template <class C>
struct SoftPoolBlocks : SoftPoolMath<C> {
  static constexpr bool kPoolsBlocks = true;

  Scratch<C> memory;
  PairRows<C> rows;

  explicit SoftPoolBlocks(const Call& call) : SoftPoolMath<C>(call) {}

  template <class Block>
  HWY_NOINLINE void RunBlock(const Block& block) {
    using D = typename Block::D;
    const D d;
    const SoftmaxTaps<Block, true> taps(block, &memory);
    SoftPoolSums<Block, From::kBase> sums(block, taps, &rows);
    const V<D> origin = taps.Origin();
    const Ranges& windows = block.windows;
    for (int64_t o0 = windows[0].begin; o0 < windows[0].end; ++o0) {
      for (int64_t o1 = windows[1].begin; o1 < windows[1].end; ++o1) {
        auto* to = block.template WindowOutRow<0>(o0, o1);
        sums.ForEachInRow(o0, o1, [&](int64_t o2, V<D> total, V<D> products) HWY_ATTR {
          const V<D> mean = hn::Div(products, total);
          StoreAs(d, hn::Add(origin, mean), to + o2 * block.WindowStep());
          const auto exact = IsExact(d, total, mean, std::numeric_limits<C>::max());
          if (HWY_UNLIKELY(!hn::AllTrue(d, exact))) {
            block.RunAlone(*this, {o0, o1, o2}, hn::Not(exact), nullptr);
          }
        });
      }
    }
  }
};

// The same for gradients.
template <class C>
struct SoftPoolGradBlocks : SoftPoolGradMath<C> {
  static constexpr bool kPoolsBlocks = true;

  Scratch<C> memory, row_memory;
  PairRows<C> tap_rows, window_rows;
  AloneWindows<C, 1> alone;
  Range reached;                // inputs along the last axis,
  std::vector<Range> reaching;  // and the windows that reach each of them

  explicit SoftPoolGradBlocks(const Call& call) : SoftPoolGradMath<C>(call) {}

  template <class Block>
  HWY_NOINLINE void RunBlock(const Block& block) {
    const SoftmaxTaps<Block, true, From::kCentre> taps(block, &memory);
    SoftPoolSums<Block, From::kCentre> sums(block, taps, &tap_rows);
    const Ranges& part = block.part;
    const bool any = block.windows[0].Size() > 0;
    if (any) FindReaching(block);
    const typename Block::D d;
    const auto& a = block.g.axis;
    window_rows.Begin(d, block.windows, part[2].Size(), a[0].in > 1 || a[0].out > 1,
                      {a[0].MostCovering(), a[1].MostCovering(), 1});
    alone.Begin();
    for (int64_t i0 = part[0].begin; i0 < part[0].end; ++i0) {
      for (int64_t i1 = part[1].begin; i1 < part[1].end; ++i1) {
        const Range rows0 = WindowsReaching(block.g.axis[0], {i0, i0 + 1});
        const Range rows1 = WindowsReaching(block.g.axis[1], {i1, i1 + 1});
        if (!any || rows0.Size() <= 0 || rows1.Size() <= 0) {
          StoreZeros(block, i0, i1);
          continue;
        }
        window_rows.MakeUntil(rows0.end - 1, rows1.end - 1,
                              [&](int64_t o0, int64_t o1, C* to)
                                  HWY_ATTR { MakeRow(block, &sums, o0, o1, to); });
        if (this->exact) {
          StoreRow<true>(block, taps, i0, i1, rows0, rows1);
        } else {
          StoreRow<false>(block, taps, i0, i1, rows0, rows1);
        }
      }
    }
  }

 private:
  using Scale = GradientScale<C>;
  // The largest mean distance. A (1 + d) - B loses as many digits as distances have.
  static constexpr C kMostMean = 24;

  // Finds the windows that reach each input along the last axis, as offsets into a row of windows.
  template <class Block>
  void FindReaching(const Block& block) {
    const Range part = block.part[2];
    const int64_t first = block.windows[2].begin;
    // Most often the block before had other channels of the same inputs.
    if (part.begin == reached.begin && part.end == reached.end) return;
    reached = part;
    reaching.clear();
    for (int64_t i = part.begin; i < part.end; ++i) {
      const Range all = WindowsReaching(block.g.axis[2], {i, i + 1});
      reaching.push_back({all.begin - first, all.end - first});
    }
  }

  // Makes a row of A and -B, over the windows of one row only.
  template <class Block, class Sums>
  HWY_NOINLINE void MakeRow(const Block& block, Sums* sums, int64_t o0, int64_t o1, C* to) {
    using D = typename Block::D;
    const D d;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d)), first = block.windows[2].begin;
    C* row = row_memory.Reserve(block.windows[2].Size() * 2 * lanes);
    const auto* gradients = block.template WindowRow<0>(o0, o1);
    sums->ForEachInRow(o0, o1, [&](int64_t o2, V<D> total, V<D> products) HWY_ATTR {
      const V<D> g = LoadAs(d, gradients + o2 * block.WindowStep());
      const V<D> mean = hn::Div(products, total);
      const auto exact = hn::And(IsExact(d, total, mean, kMostMean), Scale::AreModerate(d, g));
      const V<D> inverse = hn::Div(hn::Set(d, Scale::kScale), total);
      const V<D> a = hn::IfThenElseZero(exact, hn::Mul(g, inverse));
      hn::Store(a, d, row + (o2 - first) * 2 * lanes);
      hn::Store(hn::IfThenElseZero(exact, hn::Mul(a, hn::Neg(mean))), d,
                row + (o2 - first) * 2 * lanes + lanes);
      if (HWY_UNLIKELY(!hn::AllTrue(d, exact))) {
        alone.Add(*this, block, {o0, o1, o2}, hn::Not(exact));
      }
    });
    for (const Range& windows : reaching) {
      const C* from = row + windows.begin * 2 * lanes;
      V<D> a = hn::Zero(d), b = hn::Zero(d);
      if (windows.Size() > 0) {
        a = hn::Load(d, from);
        b = hn::Load(d, from + lanes);
      }
      for (int64_t n = windows.Size() - 1; n > 0; --n) {
        from += 2 * lanes;
        a = hn::Add(a, hn::Load(d, from));
        b = hn::Add(b, hn::Load(d, from + lanes));
      }
      hn::Store(a, d, to);
      hn::Store(b, d, to + lanes);
      to += 2 * lanes;
    }
  }

  // Stores a row of gradients.
  template <bool kExact, class Block, class Taps>
  HWY_INLINE void StoreRow(const Block& block, const Taps& taps, int64_t i0, int64_t i1,
                           Range rows0, Range rows1) {
    using D = typename Block::D;
    const D d;
    const V<D> one = hn::Set(d, C{1});
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d)), first = block.part[2].begin;
    const C* tap = taps.At({i0, i1, first});
    const C* more = alone.Any() ? alone.At(block, 0, {i0, i1, first}) : nullptr;
    auto* to = block.template GradientRow<0>(i0, i1) + first * block.GradientStep();
    window_rows.Sum(d, rows0, rows1, [&](int64_t, V<D> a, V<D> minus_b) HWY_ATTR {
      V<D> slope = a;
      if (kExact) {
        const V<D> distance = hn::Load(d, tap);
        // Windows with infinity or NaN have no part in the sums, but zero times these is NaN.
        const V<D> finite = hn::IfThenElseZero(hn::IsFinite(distance), distance);
        slope = MulAdd(d, a, hn::Add(one, finite), minus_b);
      }
      // Zero is added too: it makes minus zero zero, whether a neighbouring lane has an addend or
      // not.
      V<D> added = hn::Zero(d);
      if (HWY_UNLIKELY(more != nullptr)) {
        added = hn::Load(d, more);
        more += lanes;
      }
      const V<D> gradient = hn::Add(Scale::Times(d, hn::Load(d, tap + lanes), slope), added);
      block.PrefetchTap(to);
      StoreAs(d, gradient, to);
      tap += taps.Size();
      to += block.GradientStep();
    });
  }

  template <class Block>
  void StoreZeros(const Block& block, int64_t i0, int64_t i1) const {
    using D = typename Block::D;
    const D d;
    auto* to = block.template GradientRow<0>(i0, i1);
    for (int64_t i = block.part[2].begin; i < block.part[2].end; ++i) {
      StoreAs(d, hn::Zero(d), to + i * block.GradientStep());
    }
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
