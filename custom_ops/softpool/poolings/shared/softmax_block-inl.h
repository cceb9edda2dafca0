// The values and exponentials of a block of inputs, and what the taps of its windows add up to, for
// the formulas in softmax_pooling-inl.h.
#if defined(SOFTPOOL_POOLINGS_SHARED_SOFTMAX_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SHARED_SOFTMAX_BLOCK_INL_H_
#undef SOFTPOOL_POOLINGS_SHARED_SOFTMAX_BLOCK_INL_H_
#else
#define SOFTPOOL_POOLINGS_SHARED_SOFTMAX_BLOCK_INL_H_
#endif

#include <limits>

#include "softpool/engine/block-inl.h"
#include "softpool/engine/scratch.h"
#include "softpool/simd/shared_exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// What a window's taps add up to.
template <class D>
struct SoftmaxSums {
  V<D> heaviest;  // h
  V<D> total;     // sum_i e_i
  V<D> mean;      // s
};

// The values and exponentials of a block's inputs, in memory that belongs to the caller. kOwnLogits
// says whether values are their own logits. Values are then distances from the exponentials' base.
template <class Block, bool kOwnLogits>
class SoftmaxBlock {
 public:
  using D = typename Block::D;
  using C = typename Block::C;
  using T = typename Block::T;

  SoftmaxBlock(const Block& block, Scratch<C>* memory)
      : block_(block), taps_(memory->Reserve(PositionsIn(block.inputs) * TapSize())), exp_(D()) {
    const V<D> largest = Weigh(exp_);
    if (HWY_LIKELY(SharedExp<D>::AreCommon(D(), largest))) return;
    exp_ = SharedExp<D>(D(), largest);
    Weigh(exp_);
  }

  V<D> Base() const { return kOwnLogits ? exp_.Base() : hn::Zero(D()); }
  // Returns where the value and the exponential of an input are kept, one after the other.
  const C* Tap(const Position& i) const { return taps_ + IndexIn(block_.inputs, i) * TapSize(); }

  // Calls f(o, sums) for all windows, in order.
  template <class F>
  HWY_INLINE void ForEachWindow(const F& f) const {
    const Ranges& windows = block_.windows;
    const PoolAxis* a = block_.g.axis.data();
    const Range whole = UncutWindows(a[2], {0, a[2].in}, windows[2]);
    const bool is_short = block_.g.LargestWindow() <= TapSum<D, false>::kRun;
    Position o;
    for (o[0] = windows[0].begin; o[0] < windows[0].end; ++o[0]) {
      for (o[1] = windows[1].begin; o[1] < windows[1].end; ++o[1]) {
        for (o[2] = windows[2].begin; o[2] < windows[2].end;) {
          const bool uncut = o[2] >= whole.begin && o[2] < whole.end;
          const int64_t end = uncut ? whole.end : o[2] + 1;
          const int64_t columns = a[2].End(o[2]) - a[2].Begin(o[2]);
          if (!is_short) {
            ForEachInRow<0, true>(&o, end, f);
          } else if (columns == 3) {
            ForEachInRow<3, false>(&o, end, f);
          } else {
            ForEachInRow<0, false>(&o, end, f);
          }
        }
      }
    }
  }

 private:
  static HWY_INLINE int64_t Lanes() { return static_cast<int64_t>(hn::Lanes(D())); }
  static HWY_INLINE int64_t TapSize() { return 2 * Lanes(); }

  // Fills in values and exponentials. Returns the largest logits.
  HWY_NOINLINE V<D> Weigh(const SharedExp<D>& given_exp) {
    const D d;
    const SharedExp<D> exp = given_exp;
    const V<D> nothing = hn::Set(d, -std::numeric_limits<C>::infinity());
    const Ranges& in = block_.inputs;
    const int64_t step = block_.TapStep();
    V<D> largest = nothing;
    C* to = taps_;
    for (int64_t i0 = in[0].begin; i0 < in[0].end; ++i0) {
      for (int64_t i1 = in[1].begin; i1 < in[1].end; ++i1) {
        const T* values = block_.template TapRow<0>(i0, i1);
        [[maybe_unused]] const T* logits = nullptr;
        if constexpr (!kOwnLogits) logits = block_.template TapRow<1>(i0, i1);
        for (int64_t i2 = in[2].begin; i2 < in[2].end; ++i2, to += TapSize()) {
          block_.PrefetchTap(values + i2 * step);
          V<D> value = LoadAs(d, values + i2 * step), logit = value;
          if constexpr (!kOwnLogits) {
            block_.PrefetchTap(logits + i2 * step);
            // A value of -inf has no weight; but NaN in its logit stays.
            const V<D> given = LoadAs(d, logits + i2 * step);
            const auto is_nothing = hn::Eq(value, nothing);
            logit = hn::IfThenElse(is_nothing, hn::Add(value, given), given);
            value = hn::IfThenZeroElse(is_nothing, value);
          }
          largest = Larger(d, logit, largest);
          const V<D> from_base = exp.FromBase(d, logit);
          hn::Store(kOwnLogits ? from_base : value, d, to);
          hn::Store(exp.Of(d, from_base), d, to + Lanes());
        }
      }
    }
    return largest;
  }

  // Calls f for the windows from `o` to `end` along the last axis, which have the same number of
  // columns: kColumns, or any number if that is zero. Advances `o`.
  template <int kColumns, bool kLong, class F>
  HWY_INLINE void ForEachInRow(Position* o, int64_t end, const F& f) const {
    const PoolAxis* a = block_.g.axis.data();
    const Position first{a[0].Begin((*o)[0]), a[1].Begin((*o)[1]), a[2].Begin((*o)[2])};
    const Position count{a[0].End((*o)[0]) - first[0], a[1].End((*o)[1]) - first[1],
                         a[2].End((*o)[2]) - first[2]};
    const C* from = Tap(first);
    for (; (*o)[2] < end; ++(*o)[2], from += a[2].stride * TapSize()) {
      if (kColumns == 3 && count[1] == 3 && count[0] == 1) {
        f(*o, SumsOf3x3(from));
      } else {
        f(*o, Sums<kColumns, kLong>(from, count));
      }
    }
  }

  // The same as Sums() for windows of three times three values, which are loaded once.
  HWY_INLINE SoftmaxSums<D> SumsOf3x3(const C* from) const {
    const D d;
    V<D> values[9];
    const C* taps[3];
    for (int row = 0; row < 3; ++row) taps[row] = from + row * block_.inputs[2].Size() * TapSize();
    Repeat<9>([&](auto i) HWY_ATTR {
      values[i.value] = hn::Load(d, taps[i.value / 3] + i.value % 3 * TapSize());
    });
    V<D> heaviest = values[0];
    V<D> largest = kOwnLogits ? heaviest : hn::Load(d, from + Lanes());
    Repeat<8>([&](auto before) HWY_ATTR {
      constexpr int i = before.value + 1;
      if constexpr (kOwnLogits) {
        heaviest = Larger(d, values[i], heaviest);
      } else {
        const V<D> e = hn::Load(d, taps[i / 3] + i % 3 * TapSize() + Lanes());
        const auto heavier = hn::Gt(e, largest);
        largest = hn::IfThenElse(heavier, e, largest);
        heaviest = hn::IfThenElse(heavier, values[i], heaviest);
      }
    });
    V<D> total = hn::Zero(d), products = hn::Zero(d);
    Repeat<9>([&](auto i) HWY_ATTR {
      const V<D> e = hn::Load(d, taps[i.value / 3] + i.value % 3 * TapSize() + Lanes());
      total = hn::Add(total, e);
      products = MulAdd(d, e, hn::Sub(values[i.value], heaviest), products);
    });
    return {heaviest, total, hn::Div(products, total)};
  }

  template <int kColumns, bool kLong>
  HWY_INLINE SoftmaxSums<D> Sums(const C* from, const Position& count) const {
    const D d;
    V<D> largest = hn::Set(d, -std::numeric_limits<C>::infinity());
    V<D> heaviest = largest;
    ForEachTap<kColumns>(from, count, [&](int64_t, const C* tap) HWY_ATTR {
      const V<D> value = hn::Load(d, tap);
      if constexpr (kOwnLogits) {
        heaviest = Larger(d, value, heaviest);
      } else {
        const V<D> e = hn::Load(d, tap + Lanes());
        const auto heavier = hn::Gt(e, largest);
        largest = hn::IfThenElse(heavier, e, largest);
        heaviest = hn::IfThenElse(heavier, value, heaviest);
      }
    });
    TapSum<D, kLong> total, products;
    ForEachTap<kColumns>(from, count, [&](int64_t i, const C* tap) HWY_ATTR {
      const V<D> e = hn::Load(d, tap + Lanes());
      total.Add(i, e);
      products.AddProduct(i, e, hn::Sub(hn::Load(d, tap), heaviest));
    });
    const V<D> weight = total.Total();
    return {heaviest, weight, hn::Div(products.Total(), weight)};
  }

  // Calls f(index, tap) for the taps of a window, in row-major order.
  template <int kColumns, class F>
  HWY_INLINE void ForEachTap(const C* from, const Position& count, const F& f) const {
    const Ranges& in = block_.inputs;
    const int64_t row_step = in[2].Size() * TapSize(), plane_step = in[1].Size() * row_step;
    int64_t index = 0;
    for (int64_t i = 0; i < count[0]; ++i) {
      for (int64_t j = 0; j < count[1]; ++j) {
        const C* row = from + i * plane_step + j * row_step;
        if constexpr (kColumns > 0) {
          Repeat<kColumns>([&](auto k) HWY_ATTR { f(index + k.value, row + k.value * TapSize()); });
          index += kColumns;
        } else {
          for (int64_t k = 0; k < count[2]; ++k) f(index++, row + k * TapSize());
        }
      }
    }
  }

  const Block& block_;
  C* const taps_;  // [inputs, value or exponential, lanes]
  SharedExp<D> exp_;
};

// Returns whether sums are exact: no weight was lost because the window's values are far below the
// block's largest, and no value is infinite or NaN.
template <class D>
HWY_INLINE M<D> IsExact(D d, const SoftmaxSums<D>& sums) {
  const V<D> largest = hn::Set(d, std::numeric_limits<hn::TFromD<D>>::max());
  const auto heavy = hn::Ge(sums.total, hn::Set(d, SharedExp<D>::kLeastTotal));
  return hn::And(heavy, hn::Le(hn::Abs(hn::Add(sums.heaviest, sums.mean)), largest));
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
