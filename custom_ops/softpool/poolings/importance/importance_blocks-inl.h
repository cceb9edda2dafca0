// Importance pooling of windows that overlap. The exponential of a logit serves all windows that
// the input is in.
//
//   y = h + s,   s = sum_i e_i (x_i - h) / sum_i e_i
//
// where h is the value of the window's largest logit. Distances from h keep their digits whatever
// offset the values share. With g = dL/dy and A = g / sum_i e_i, an input's gradients are sums over
// the windows that it is in:
//
//   dL/dx_i = e_i sum A,   dL/dl_i = e_i sum A ((x_i - h) - s)
#if defined(SOFTPOOL_POOLINGS_IMPORTANCE_IMPORTANCE_BLOCKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_IMPORTANCE_IMPORTANCE_BLOCKS_INL_H_
#undef SOFTPOOL_POOLINGS_IMPORTANCE_IMPORTANCE_BLOCKS_INL_H_
#else
#define SOFTPOOL_POOLINGS_IMPORTANCE_IMPORTANCE_BLOCKS_INL_H_
#endif

#include <vector>

#include "softpool/engine/scratch.h"
#include "softpool/engine/tiling.h"
#include "softpool/poolings/importance/importance_pool-inl.h"
#include "softpool/poolings/importance/importance_sums-inl.h"
#include "softpool/poolings/shared/alone_windows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// Adds pooling by blocks to the mathematics of single windows.
template <class C>
struct ImportancePoolBlocks : ImportancePoolMath<C> {
  static constexpr bool kPoolsBlocks = true;

  Scratch<C> memory;

  explicit ImportancePoolBlocks(const Call& call) : ImportancePoolMath<C>(call) {}

  template <class Block>
  HWY_NOINLINE void RunBlock(const Block& block) {
    using D = typename Block::D;
    const D d;
    const SoftmaxTaps<Block, false> taps(block, &memory);
    const ImportanceWindows<Block> windows(block, taps);
    windows.ForEach([&](const Position& o, const ImportanceSums<D>& sums) HWY_ATTR {
      StoreAs(d, hn::Add(sums.heaviest, sums.mean),
              block.template WindowOutRow<0>(o[0], o[1]) + o[2] * block.WindowStep());
      const auto exact = sums.AreExact();
      if (HWY_UNLIKELY(!hn::AllTrue(d, exact))) {
        block.RunAlone(*this, o, hn::Not(exact), nullptr);
      }
    });
  }
};

// The same for gradients.
template <class C>
struct ImportancePoolGradBlocks : ImportancePoolGradMath<C> {
  static constexpr bool kPoolsBlocks = true;

  Scratch<C> memory, maps;
  AloneWindows<C, 2> alone;
  std::vector<Range> reaching;  // the windows that reach each input along the last axis
  std::vector<const C*> rows;   // of the maps, from the row's window 0, even if it is elsewhere

  explicit ImportancePoolGradBlocks(const Call& call) : ImportancePoolGradMath<C>(call) {}

  template <class Block>
  HWY_NOINLINE void RunBlock(const Block& block) {
    const SoftmaxTaps<Block, false> taps(block, &memory);
    MakeMaps(block, taps);
    Gather(block, taps);
  }

 private:
  // Of every window, A, h and -s are kept.
  static constexpr int kMaps = 3;
  using Scale = GradientScale<C>;

  template <class Block, class Taps>
  HWY_NOINLINE void MakeMaps(const Block& block, const Taps& taps) {
    using D = typename Block::D;
    const D d;
    const int64_t step = static_cast<int64_t>(hn::Lanes(d));
    C* map = maps.Reserve(PositionsIn(block.windows) * kMaps * step);
    alone.Begin();
    const auto moderate = hn::Le(LargestOf(block, taps), hn::Set(d, Scale::kMostValue));
    const ImportanceWindows<Block> windows(block, taps);
    windows.ForEach([&](const Position& o, const ImportanceSums<D>& window) HWY_ATTR {
      const V<D> g = LoadAs(d, block.template WindowRow<0>(o[0], o[1]) + o[2] * block.WindowStep());
      const auto exact = hn::And(hn::And(window.AreExact(), moderate), Scale::AreModerate(d, g));
      const V<D> a = hn::Mul(g, hn::Div(hn::Set(d, Scale::kScale), window.total));
      hn::Store(hn::IfThenElseZero(exact, a), d, map);
      hn::Store(hn::IfThenElseZero(exact, window.heaviest), d, map + step);
      hn::Store(hn::IfThenElseZero(exact, hn::Sub(hn::Zero(d), window.mean)), d, map + 2 * step);
      map += kMaps * step;
      if (HWY_UNLIKELY(!hn::AllTrue(d, exact))) alone.Add(*this, block, o, hn::Not(exact));
    });
  }

  // Returns the size of the largest finite value.
  template <class Block, class Taps>
  static HWY_INLINE V<typename Block::D> LargestOf(const Block& block, const Taps& taps) {
    const typename Block::D d;
    auto largest = hn::Zero(d);
    const C* tap = taps.At({block.inputs[0].begin, block.inputs[1].begin, block.inputs[2].begin});
    for (int64_t i = PositionsIn(block.inputs); i > 0; --i, tap += taps.Size()) {
      const auto value = hn::Load(d, tap);
      largest = Larger(d, hn::IfThenElseZero(hn::IsFinite(value), hn::Abs(value)), largest);
    }
    return largest;
  }

  // Stores the gradients of all inputs.
  template <class Block, class Taps>
  HWY_NOINLINE void Gather(const Block& block, const Taps& taps) {
    const Ranges& part = block.part;
    reaching.clear();
    for (int64_t i = part[2].begin; i < part[2].end; ++i) {
      reaching.push_back(WindowsReaching(block.g.axis[2], {i, i + 1}));
    }
    for (int64_t i0 = part[0].begin; i0 < part[0].end; ++i0) {
      for (int64_t i1 = part[1].begin; i1 < part[1].end; ++i1) GatherRow(block, taps, i0, i1);
    }
  }

  template <class Block, class Taps>
  HWY_INLINE void GatherRow(const Block& block, const Taps& taps, int64_t i0, int64_t i1) {
    using D = typename Block::D;
    const D d;
    const int64_t step = static_cast<int64_t>(hn::Lanes(d));
    const Range part = block.part[2];
    FindRows(block, i0, i1);
    for (int64_t i = 0; i < part.Size(); ++i) {
      const Position at{i0, i1, part.begin + i};
      V<D> gradient[2] = {hn::Zero(d), hn::Zero(d)};
      if (!rows.empty() && reaching[i].Size() > 0) {
        SumWindows(reaching[i], taps.At(at), step, gradient);
      }
      Repeat<2>([&](auto t) HWY_ATTR {
        const V<D> more = alone.Any() ? hn::Load(d, alone.At(block, t.value, at)) : hn::Zero(d);
        auto* to = block.template GradientRow<t.value>(i0, i1) + at[2] * block.GradientStep();
        block.PrefetchTap(to);
        StoreAs(d, hn::Add(gradient[t.value], more), to);
      });
    }
  }

  // Fills `rows` with the rows of the maps whose windows reach a row of inputs.
  template <class Block>
  HWY_INLINE void FindRows(const Block& block, int64_t i0, int64_t i1) {
    const int64_t step = static_cast<int64_t>(hn::Lanes(typename Block::D()));
    const Range rows0 = WindowsReaching(block.g.axis[0], {i0, i0 + 1});
    const Range rows1 = WindowsReaching(block.g.axis[1], {i1, i1 + 1});
    rows.clear();
    for (int64_t o0 = rows0.begin; o0 < rows0.end; ++o0) {
      for (int64_t o1 = rows1.begin; o1 < rows1.end; ++o1) {
        rows.push_back(maps.Reserve(0) + IndexIn(block.windows, {o0, o1, 0}) * kMaps * step);
      }
    }
  }

  // Sums up the gradients of one input's value and logit over the windows that it is in.
  template <class V>
  HWY_INLINE void SumWindows(Range columns, const C* tap, int64_t step, V* gradient) const {
    const hn::ScalableTag<C> d;
    V value = hn::Load(d, tap);
    // Windows with infinity or NaN have no part in the sums, but zero times these is NaN.
    value = hn::IfThenElseZero(hn::IsFinite(value), value);
    V weights = hn::Zero(d), slopes = hn::Zero(d);
    for (const C* row : rows) {
      const C* map = row + columns.begin * kMaps * step;
      for (int64_t n = columns.Size(); n > 0; --n, map += kMaps * step) {
        const V a = hn::Load(d, map);
        weights = hn::Add(weights, a);
        const V distance = hn::Sub(value, hn::Load(d, map + step));
        slopes = MulAdd(d, a, hn::Add(distance, hn::Load(d, map + 2 * step)), slopes);
      }
    }
    const V e = hn::Load(d, tap + step);
    gradient[0] = Scale::Times(d, e, weights);
    gradient[1] = Scale::TimesLarge(d, e, slopes);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
