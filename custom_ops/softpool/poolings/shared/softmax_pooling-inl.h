// Averages of overlapping windows with softmax weights. The exponential of an input serves all
// windows that the input is in.
//
//   y = h + s,   s = sum_i e_i (x_i - h) / sum_i e_i
//
// where h is the value of the window's largest logit. Distances from h keep their digits whatever
// offset the values share. With g = dL/dy and A = g / sum_i e_i, an input's gradients are sums over
// the windows that it is in:
//
//   dL/dx_i = e_i sum A,   dL/dl_i = e_i sum A ((x_i - h) - s)
//
// If values are their own logits, the gradient is the sum of both.
#if defined(SOFTPOOL_POOLINGS_SHARED_SOFTMAX_POOLING_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SHARED_SOFTMAX_POOLING_INL_H_
#undef SOFTPOOL_POOLINGS_SHARED_SOFTMAX_POOLING_INL_H_
#else
#define SOFTPOOL_POOLINGS_SHARED_SOFTMAX_POOLING_INL_H_
#endif

#include <algorithm>
#include <vector>

#include "softpool/engine/scratch.h"
#include "softpool/engine/tiling.h"
#include "softpool/poolings/shared/softmax_block-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// Adds pooling by blocks to mathematics that pools single windows. Math has a value and, unless the
// values are their own logits, a logit for each tap.
template <class Math, class C>
struct SoftmaxBlocks : Math {
  static constexpr bool kPoolsBlocks = true;
  static constexpr bool kOwnLogits = Math::kTapInputs == 1;

  Scratch<C> taps;

  explicit SoftmaxBlocks(const Call& call) : Math(call) {}

  template <class Block>
  HWY_NOINLINE void RunBlock(const Block& block) {
    using D = typename Block::D;
    const D d;
    const SoftmaxBlock<Block, kOwnLogits> softmax(block, &taps);
    const V<D> base = softmax.Base();
    softmax.ForEachWindow([&](const Position& o, const SoftmaxSums<D>& sums) HWY_ATTR {
      const V<D> y = hn::Add(hn::Add(base, sums.heaviest), sums.mean);
      StoreAs(d, y, block.template WindowOutRow<0>(o[0], o[1]) + o[2] * block.WindowStep());
      const auto exact = IsExact(d, sums);
      if (HWY_UNLIKELY(!hn::AllTrue(d, exact))) {
        block.RunAlone(*this, o, hn::Not(exact), nullptr);
      }
    });
  }
};

// The same for gradients. If values are their own logits, `exact` says whether the gradient of the
// weights is part of the gradient.
template <class Math, class C>
struct SoftmaxBlocksGrad : Math {
  static constexpr bool kPoolsBlocks = true;
  static constexpr bool kOwnLogits = Math::kTapInputs == 1;

  Scratch<C> taps, maps, sums;
  std::vector<Range> reaching;  // the windows that reach each input along the last axis
  std::vector<const C*> rows;   // of the maps, from the row's window 0, even if it is elsewhere

  explicit SoftmaxBlocksGrad(const Call& call) : Math(call) {}

  template <class Block>
  HWY_NOINLINE void RunBlock(const Block& block) {
    const SoftmaxBlock<Block, kOwnLogits> softmax(block, &taps);
    const bool alone = MakeMaps(block, softmax);
    if constexpr (kOwnLogits) {
      if (!Math::exact) return Gather<false>(block, softmax, alone);
    }
    Gather<true>(block, softmax, alone);
  }

 private:
  // Of every window, A 2^kScale, h and the part of a gradient that all taps share are kept. The
  // scale keeps A in the type's range for all g of kLeast to kMost.
  static constexpr int kMaps = 3;
  static constexpr C kScale = static_cast<C>(sizeof(C) == 8 ? 0x1p200 : 0x1p64);
  static constexpr C kLeast = static_cast<C>(sizeof(C) == 8 ? 0x1p-700 : 0x1p-80);
  static constexpr C kMost = static_cast<C>(sizeof(C) == 8 ? 0x1p700 : 0x1p60);

  // Makes the maps. Returns whether a window had to be pooled alone; `sums` then has its gradients.
  template <class Block, class Softmax>
  HWY_NOINLINE bool MakeMaps(const Block& block, const Softmax& softmax) {
    using D = typename Block::D;
    const D d;
    const int64_t step = static_cast<int64_t>(hn::Lanes(d));
    C* map = maps.Reserve(PositionsIn(block.windows) * kMaps * step);
    bool alone = false;
    softmax.ForEachWindow([&](const Position& o, const SoftmaxSums<D>& window) HWY_ATTR {
      const V<D> g = LoadAs(d, block.template WindowRow<0>(o[0], o[1]) + o[2] * block.WindowStep());
      const V<D> size = hn::Abs(g);
      const auto moderate =
          hn::And(hn::Le(size, hn::Set(d, kMost)),
                  hn::Or(hn::Ge(size, hn::Set(d, kLeast)), hn::Eq(g, hn::Zero(d))));
      const auto exact = hn::And(IsExact(d, window), moderate);
      const V<D> a = hn::Mul(g, hn::Div(hn::Set(d, kScale), window.total));
      const V<D> shared = hn::Sub(hn::Set(d, C{kOwnLogits ? 1 : 0}), window.mean);
      hn::Store(hn::IfThenElseZero(exact, a), d, map);
      hn::Store(hn::IfThenElseZero(exact, window.heaviest), d, map + step);
      hn::Store(hn::IfThenElseZero(exact, shared), d, map + 2 * step);
      map += kMaps * step;
      if (HWY_UNLIKELY(!hn::AllTrue(d, exact))) {
        AddAlone(block, o, hn::Not(exact), !alone);
        alone = true;
      }
    });
    return alone;
  }

  // Adds the gradients of one window to `sums`, in some lanes.
  template <class Block>
  HWY_NOINLINE void AddAlone(const Block& block, const Position& o, M<typename Block::D> lanes,
                             bool is_first) {
    const int64_t step = static_cast<int64_t>(hn::Lanes(typename Block::D()));
    const int64_t size = PositionsIn(block.part) * step;
    C* memory = sums.Reserve(Math::kTapOutputs * size);
    if (is_first) std::fill(memory, memory + Math::kTapOutputs * size, C{0});
    C* gradients[Math::kTapOutputs];
    for (int t = 0; t < Math::kTapOutputs; ++t) gradients[t] = memory + t * size;
    block.RunAlone(*this, o, lanes, gradients);
  }

  // Stores the gradients of all inputs. kLogits says whether gradients of logits are wanted.
  template <bool kLogits, class Block, class Softmax>
  HWY_NOINLINE void Gather(const Block& block, const Softmax& softmax, bool alone) {
    const Ranges& part = block.part;
    reaching.clear();
    for (int64_t i = part[2].begin; i < part[2].end; ++i) {
      reaching.push_back(WindowsReaching(block.g.axis[2], {i, i + 1}));
    }
    for (int64_t i0 = part[0].begin; i0 < part[0].end; ++i0) {
      for (int64_t i1 = part[1].begin; i1 < part[1].end; ++i1) {
        GatherRow<kLogits>(block, softmax, i0, i1, alone);
      }
    }
  }

  template <bool kLogits, class Block, class Softmax>
  HWY_INLINE void GatherRow(const Block& block, const Softmax& softmax, int64_t i0, int64_t i1,
                            bool alone) {
    using D = typename Block::D;
    const D d;
    const int64_t step = static_cast<int64_t>(hn::Lanes(d));
    const Range part = block.part[2];
    const int64_t size = PositionsIn(block.part) * step;
    const C* added =
        alone ? sums.Reserve(0) + IndexIn(block.part, {i0, i1, part.begin}) * step : nullptr;
    FindRows(block, i0, i1);
    for (int64_t i = 0; i < part.Size(); ++i) {
      V<D> gradient[2] = {hn::Zero(d), hn::Zero(d)};
      if (!rows.empty() && reaching[i].Size() > 0) {
        const C* tap = softmax.Tap({i0, i1, part.begin + i});
        SumWindows<kLogits>(reaching[i], tap, D(), gradient);
      }
      Repeat<Math::kTapOutputs>([&](auto t) HWY_ATTR {
        const V<D> more = alone ? hn::Load(d, added + t.value * size + i * step) : hn::Zero(d);
        auto* to =
            block.template GradientRow<t.value>(i0, i1) + (part.begin + i) * block.GradientStep();
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

  // Sums up the gradients of one input over the windows that it is in.
  template <bool kLogits, class D>
  HWY_INLINE void SumWindows(Range columns, const C* tap, D d, V<D>* gradient) const {
    const int64_t step = static_cast<int64_t>(hn::Lanes(d));
    V<D> value = hn::Load(d, tap);
    // Windows with infinity or NaN have no part in the sums, but zero times these is NaN.
    value = hn::IfThenElseZero(hn::IsFinite(value), value);
    V<D> weights = hn::Zero(d), slopes = hn::Zero(d);
    for (const C* row : rows) {
      const C* map = row + columns.begin * kMaps * step;
      for (int64_t n = columns.Size(); n > 0; --n, map += kMaps * step) {
        const V<D> a = hn::Load(d, map);
        if (!kLogits || !kOwnLogits) weights = hn::Add(weights, a);
        if (!kLogits) continue;
        const V<D> distance = hn::Sub(value, hn::Load(d, map + step));
        slopes = MulAdd(d, a, hn::Add(distance, hn::Load(d, map + 2 * step)), slopes);
      }
    }
    const V<D> e = hn::Load(d, tap + step), scale = hn::Set(d, 1 / kScale);
    const auto times_e = [&](V<D> sum) HWY_ATTR {
      return hn::IfThenZeroElse(hn::Eq(sum, hn::Zero(d)), hn::Mul(hn::Mul(e, sum), scale));
    };
    gradient[0] = times_e(kLogits && kOwnLogits ? slopes : weights);
    if (!kOwnLogits) gradient[1] = times_e(slopes);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
