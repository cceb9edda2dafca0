// The values of a block of inputs, and the exponentials of their logits.
#if defined(SOFTPOOL_POOLINGS_SHARED_SOFTMAX_TAPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SHARED_SOFTMAX_TAPS_INL_H_
#undef SOFTPOOL_POOLINGS_SHARED_SOFTMAX_TAPS_INL_H_
#else
#define SOFTPOOL_POOLINGS_SHARED_SOFTMAX_TAPS_INL_H_
#endif

#include <limits>

#include "softpool/engine/block-inl.h"
#include "softpool/engine/scratch.h"
#include "softpool/simd/shared_exp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// What distances of values are measured from, if values are their own logits: the base of their
// exponentials, or a centre that is nearer to the largest of them.
enum class From { kBase, kCentre };

// The values and exponentials of a block's inputs, in memory that belongs to the caller. kOwnLogits
// says whether values are their own logits. Distances are then kept instead of the values.
template <class Block, bool kOwnLogits, From kFrom = From::kBase>
class SoftmaxTaps {
 public:
  using D = typename Block::D;
  using C = typename Block::C;
  using T = typename Block::T;

  SoftmaxTaps(const Block& block, Scratch<C>* memory)
      : block_(block),
        taps_(memory->Reserve(PositionsIn(block.inputs) * Size())),
        exp_(D()),
        centre_(hn::Zero(D())) {
    const D d;
    const V<D> largest = Weigh();
    const auto near = NearZero(largest);
    if (HWY_LIKELY(SharedExp<D>::AreCommon(d, largest) && hn::AllTrue(d, near))) return;
    exp_ = SharedExp<D>(d, largest);
    if (kFrom == From::kCentre) {
      const V<D> centre = hn::Sub(hn::Sub(largest, exp_.Base()), hn::Set(d, kBelowLargest));
      centre_ = hn::IfThenZeroElse(near, centre);
    }
    Weigh();
  }

  // Returns what distances are measured from, or zero if values are kept.
  V<D> Origin() const { return kOwnLogits ? hn::Add(exp_.Base(), centre_) : hn::Zero(D()); }
  // Returns where the value and the exponential of an input are kept, one after the other.
  HWY_INLINE const C* At(const Position& i) const {
    return taps_ + IndexIn(block_.inputs, i) * Size();
  }
  // The distances in memory from one to the other, and from an input to the next in its row.
  static HWY_INLINE int64_t Lanes() { return static_cast<int64_t>(hn::Lanes(D())); }
  static HWY_INLINE int64_t Size() { return 2 * Lanes(); }

 private:
  // Distances are measured from zero if the largest value is from kLeastNear to kMostNear, and else
  // from a centre that is kBelowLargest below it.
  static constexpr C kLeastNear = -4, kMostNear = 16, kBelowLargest = 12;

  static HWY_INLINE M<D> NearZero(V<D> largest) {
    const D d;
    if (kFrom == From::kBase) return hn::Eq(hn::Zero(d), hn::Zero(d));
    return hn::And(hn::Ge(largest, hn::Set(d, kLeastNear)), hn::Le(largest, hn::Set(d, kMostNear)));
  }

  // Fills in values and exponentials. Returns the largest logits.
  HWY_NOINLINE V<D> Weigh() {
    const D d;
    const SharedExp<D> exp = exp_;
    const V<D> centre = centre_, nothing = hn::Set(d, -std::numeric_limits<C>::infinity());
    const Ranges& in = block_.inputs;
    const int64_t step = block_.TapStep();
    V<D> largest = nothing;
    C* to = taps_;
    for (int64_t i0 = in[0].begin; i0 < in[0].end; ++i0) {
      for (int64_t i1 = in[1].begin; i1 < in[1].end; ++i1) {
        const T* values = block_.template TapRow<0>(i0, i1);
        [[maybe_unused]] const T* logits = nullptr;
        if constexpr (!kOwnLogits) logits = block_.template TapRow<1>(i0, i1);
        for (int64_t i2 = in[2].begin; i2 < in[2].end; ++i2, to += Size()) {
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
          if (kOwnLogits) value = kFrom == From::kCentre ? hn::Sub(from_base, centre) : from_base;
          hn::Store(value, d, to);
          hn::Store(exp.Of(d, from_base), d, to + Lanes());
        }
      }
    }
    return largest;
  }

  const Block& block_;
  C* const taps_;  // [inputs, value or exponential, lanes]
  SharedExp<D> exp_;
  V<D> centre_;
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
