// Midrange pooling, an example of a pooling: the mean of a window's largest and smallest value.
//
//   y = (max_i a_i + min_i a_i) / 2
//
// Half of a gradient goes to the first of the largest values, and half to the first of the
// smallest. -inf counts as padding, unless the window holds nothing else.
#if defined(SOFTPOOL_POOLINGS_MIDRANGE_MIDRANGE_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_MIDRANGE_MIDRANGE_POOL_INL_H_
#undef SOFTPOOL_POOLINGS_MIDRANGE_MIDRANGE_POOL_INL_H_
#else
#define SOFTPOOL_POOLINGS_MIDRANGE_MIDRANGE_POOL_INL_H_
#endif

#include <limits>

#include "softpool/engine/pool_math.h"
#include "softpool/engine/taps-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// A window's largest and smallest value, or NaN for both if the window has a NaN.
template <class W>
struct Extremes {
  using D = typename W::D;
  using C = hn::TFromD<D>;

  HWY_INLINE Extremes(const W& window, const TapValues<W>& values) : largest(values.Largest()) {
    constexpr C kInfinity = std::numeric_limits<C>::infinity();
    const V<D> nothing = hn::Set(D(), -kInfinity);
    V<D> nan = hn::Zero(D());
    smallest = hn::Set(D(), kInfinity);
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const V<D> a = values.At(i, tap);
      smallest = hn::IfThenElse(hn::Gt(a, nothing), Smaller(D(), a, smallest), smallest);
      nan = hn::IfThenElse(hn::IsNaN(a), a, nan);
    });
    smallest = Smaller(D(), smallest, largest);
    largest = hn::IfThenElse(hn::IsNaN(nan), nan, largest);
    smallest = hn::IfThenElse(hn::IsNaN(nan), nan, smallest);
  }

  V<D> largest, smallest;
};

template <class C>
struct MidrangePoolMath : PoolMath {
  static constexpr int kWindowOutputs = 1;

  explicit MidrangePoolMath(const Call&) {}

  template <class W>
  HWY_INLINE void Run(const W& window) const {
    using D = typename W::D;
    const V<D> half = hn::Set(D(), C{0.5});
    const Extremes<W> of(window, TapValues<W>(window));
    // Takes halves first: the sum of two large numbers would overflow.
    window.StoreWindow(hn::Add(hn::Mul(half, of.largest), hn::Mul(half, of.smallest)));
  }
};

template <class C>
struct MidrangePoolGradMath : PoolMath {
  static constexpr int kWindowInputs = 1, kTapOutputs = 1;

  explicit MidrangePoolGradMath(const Call&) {}

  template <class W>
  HWY_INLINE void Run(const W& window) const {
    using D = typename W::D;
    const TapValues<W> values(window);
    const Extremes<W> of(window, values);
    V<D> to_largest = hn::Mul(hn::Set(D(), C{0.5}), window.LoadWindow());
    V<D> to_smallest = to_largest;
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const V<D> a = values.At(i, tap);
      const M<D> is_largest = hn::Eq(a, of.largest), is_smallest = hn::Eq(a, of.smallest);
      window.Emit(tap, hn::Add(hn::IfThenElseZero(is_largest, to_largest),
                               hn::IfThenElseZero(is_smallest, to_smallest)));
      to_largest = hn::IfThenZeroElse(is_largest, to_largest);
      to_smallest = hn::IfThenZeroElse(is_smallest, to_smallest);
    });
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
