// What gradients of blocks need for windows that a block cannot pool together.
#if defined(SOFTPOOL_POOLINGS_SHARED_ALONE_WINDOWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SHARED_ALONE_WINDOWS_INL_H_
#undef SOFTPOOL_POOLINGS_SHARED_ALONE_WINDOWS_INL_H_
#else
#define SOFTPOOL_POOLINGS_SHARED_ALONE_WINDOWS_INL_H_
#endif

#include <algorithm>

#include "softpool/engine/block-inl.h"
#include "softpool/engine/scratch.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// The sums of kGradients gradients of a block's inputs, over the windows that were pooled alone.
template <class C, int kGradients>
class AloneWindows {
 public:
  // Begins with no window.
  void Begin() { sums_ = nullptr; }
  bool Any() const { return sums_ != nullptr; }

  // Adds the gradients of one window, in some lanes.
  template <class Math, class Block>
  HWY_NOINLINE void Add(Math& math, const Block& block, const Position& o,
                        M<typename Block::D> lanes) {
    const int64_t size = PositionsIn(block.part) * Lanes();
    if (sums_ == nullptr) {
      sums_ = memory_.Reserve(kGradients * size);
      std::fill(sums_, sums_ + kGradients * size, C{0});
    }
    C* gradients[kGradients];
    for (int t = 0; t < kGradients; ++t) gradients[t] = sums_ + t * size;
    block.RunAlone(math, o, lanes, gradients);
  }

  // Returns where the sums of one gradient are, from an input on.
  template <class Block>
  const C* At(const Block& block, int gradient, const Position& i) const {
    return sums_ + (gradient * PositionsIn(block.part) + IndexIn(block.part, i)) * Lanes();
  }

 private:
  static int64_t Lanes() { return static_cast<int64_t>(hn::Lanes(hn::ScalableTag<C>())); }

  Scratch<C> memory_;
  C* sums_ = nullptr;  // [gradients, inputs, lanes], if a window was added
};

// The factor that sums of g / sum_i e_i are kept with. If g is zero or moderate, it keeps the terms
// in the type's range, and so do products of these terms with moderate values, and sums of a
// thousand of them.
template <class C>
struct GradientScale {
  static constexpr C kScale = static_cast<C>(sizeof(C) == 8 ? 0x1p200 : 0x1p64);
  static constexpr C kLeast = static_cast<C>(sizeof(C) == 8 ? 0x1p-700 : 0x1p-80);
  static constexpr C kMost = static_cast<C>(sizeof(C) == 8 ? 0x1p500 : 0x1p36);
  static constexpr C kMostValue = static_cast<C>(sizeof(C) == 8 ? 0x1p250 : 0x1p50);

  template <class D>
  static HWY_INLINE M<D> AreModerate(D d, V<D> g) {
    const V<D> size = hn::Abs(g);
    return hn::And(hn::Le(size, hn::Set(d, kMost)),
                   hn::Or(hn::Ge(size, hn::Set(d, kLeast)), hn::Eq(g, hn::Zero(d))));
  }

  // Returns e times a sum, without the factor. No terms give zero, even if e is NaN.
  template <class D>
  static HWY_INLINE V<D> Times(D d, V<D> e, V<D> sum) {
    const V<D> product = hn::Mul(hn::Mul(e, sum), hn::Set(d, 1 / kScale));
    return hn::IfThenZeroElse(hn::Eq(sum, hn::Zero(d)), product);
  }

  // Does the same with sums whose terms were multiplied by values: the product of e and such a sum
  // may overflow. But a small sum may vanish without the factor.
  template <class D>
  static HWY_INLINE V<D> TimesLarge(D d, V<D> e, V<D> sum) {
    const V<D> one = hn::Set(d, C{1}), inverse = hn::Set(d, 1 / kScale);
    const auto large = hn::Gt(hn::Abs(sum), one);
    const V<D> product = hn::Mul(e, hn::Mul(sum, hn::IfThenElse(large, inverse, one)));
    return hn::IfThenZeroElse(hn::Eq(sum, hn::Zero(d)),
                              hn::Mul(product, hn::IfThenElse(large, one, inverse)));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
