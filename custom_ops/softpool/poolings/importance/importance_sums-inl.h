// What the taps of a block's windows add up to, for the formulas in importance_blocks-inl.h.
#if defined(SOFTPOOL_POOLINGS_IMPORTANCE_IMPORTANCE_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_IMPORTANCE_IMPORTANCE_SUMS_INL_H_
#undef SOFTPOOL_POOLINGS_IMPORTANCE_IMPORTANCE_SUMS_INL_H_
#else
#define SOFTPOOL_POOLINGS_IMPORTANCE_IMPORTANCE_SUMS_INL_H_
#endif

#include <limits>

#include "softpool/poolings/shared/softmax_taps-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// What a window's taps add up to.
template <class D>
struct ImportanceSums {
  V<D> heaviest;  // h
  V<D> total;     // sum_i e_i
  V<D> mean;      // s

  // Returns whether the sums are exact: no weight was lost because the window's logits are far
  // below the block's largest, and no number is infinite or NaN.
  HWY_INLINE M<D> AreExact() const {
    const D d;
    const V<D> largest = hn::Set(d, std::numeric_limits<hn::TFromD<D>>::max());
    const auto heavy = hn::Ge(total, hn::Set(d, SharedExp<D>::kLeastTotal));
    return hn::And(heavy, hn::Le(hn::Abs(hn::Add(heaviest, mean)), largest));
  }
};

// The sums of all windows of a block, made from what is kept of its inputs.
template <class Block>
class ImportanceWindows {
 public:
  using D = typename Block::D;
  using C = typename Block::C;
  using Taps = SoftmaxTaps<Block, false>;

  ImportanceWindows(const Block& block, const Taps& taps) : block_(block), taps_(taps) {}

  // Calls f(o, sums) for all windows, in order.
  template <class F>
  HWY_INLINE void ForEach(const F& f) const {
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
  // Calls f for the windows from `o` to `end` along the last axis, which have the same number of
  // columns: kColumns, or any number if that is zero. Advances `o`.
  template <int kColumns, bool kLong, class F>
  HWY_INLINE void ForEachInRow(Position* o, int64_t end, const F& f) const {
    const PoolAxis* a = block_.g.axis.data();
    const Position first{a[0].Begin((*o)[0]), a[1].Begin((*o)[1]), a[2].Begin((*o)[2])};
    const Position count{a[0].End((*o)[0]) - first[0], a[1].End((*o)[1]) - first[1],
                         a[2].End((*o)[2]) - first[2]};
    const C* from = taps_.At(first);
    for (; (*o)[2] < end; ++(*o)[2], from += a[2].stride * taps_.Size()) {
      if (kColumns == 3 && count[1] == 3 && count[0] == 1) {
        f(*o, SumsOf3x3(from));
      } else {
        f(*o, Sums<kColumns, kLong>(from, count));
      }
    }
  }

  // The same as Sums() for windows of three times three values, which are loaded once.
  HWY_INLINE ImportanceSums<D> SumsOf3x3(const C* from) const {
    const D d;
    const int64_t size = taps_.Size(), lanes = taps_.Lanes();
    V<D> values[9];
    const C* taps[3];
    for (int row = 0; row < 3; ++row) taps[row] = from + row * block_.inputs[2].Size() * size;
    Repeat<9>([&](auto i) HWY_ATTR {
      values[i.value] = hn::Load(d, taps[i.value / 3] + i.value % 3 * size);
    });
    V<D> heaviest = values[0], largest = hn::Load(d, from + lanes);
    Repeat<8>([&](auto before) HWY_ATTR {
      constexpr int i = before.value + 1;
      const V<D> e = hn::Load(d, taps[i / 3] + i % 3 * size + lanes);
      const auto heavier = hn::Gt(e, largest);
      largest = hn::IfThenElse(heavier, e, largest);
      heaviest = hn::IfThenElse(heavier, values[i], heaviest);
    });
    V<D> total = hn::Zero(d), products = hn::Zero(d);
    Repeat<9>([&](auto i) HWY_ATTR {
      const V<D> e = hn::Load(d, taps[i.value / 3] + i.value % 3 * size + lanes);
      total = hn::Add(total, e);
      products = MulAdd(d, e, hn::Sub(values[i.value], heaviest), products);
    });
    return {heaviest, total, hn::Div(products, total)};
  }

  template <int kColumns, bool kLong>
  HWY_INLINE ImportanceSums<D> Sums(const C* from, const Position& count) const {
    const D d;
    const int64_t lanes = taps_.Lanes();
    V<D> largest = hn::Set(d, -std::numeric_limits<C>::infinity());
    V<D> heaviest = largest;
    ForEachTap<kColumns>(from, count, [&](int64_t, const C* tap) HWY_ATTR {
      const V<D> value = hn::Load(d, tap), e = hn::Load(d, tap + lanes);
      const auto heavier = hn::Gt(e, largest);
      largest = hn::IfThenElse(heavier, e, largest);
      heaviest = hn::IfThenElse(heavier, value, heaviest);
    });
    TapSum<D, kLong> total, products;
    ForEachTap<kColumns>(from, count, [&](int64_t i, const C* tap) HWY_ATTR {
      const V<D> e = hn::Load(d, tap + lanes);
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
    const int64_t size = taps_.Size(), row_step = in[2].Size() * size,
                  plane_step = in[1].Size() * row_step;
    int64_t index = 0;
    for (int64_t i = 0; i < count[0]; ++i) {
      for (int64_t j = 0; j < count[1]; ++j) {
        const C* row = from + i * plane_step + j * row_step;
        if constexpr (kColumns > 0) {
          Repeat<kColumns>([&](auto k) HWY_ATTR { f(index + k.value, row + k.value * size); });
          index += kColumns;
        } else {
          for (int64_t k = 0; k < count[2]; ++k) f(index++, row + k * size);
        }
      }
    }
  }

  const Block& block_;
  const Taps& taps_;
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
