// The learned guide of detail-preserving pooling: the sum of the values around each window's
// centre, with a weight for each place and each channel.
//
//   y = places / present sum_i kernel_i a_i
//
// Values that are infinite or lie outside the input take no part. `present` counts the others, and
// the factor makes up for what is missing. Source: F. Saeedan, N. Weber, M. Goesele, S. Roth,
// "Detail-preserving pooling in deep networks", equation 5.
#if defined(SOFTPOOL_POOLINGS_LEARNED_GUIDE_LEARNED_GUIDE_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_LEARNED_GUIDE_LEARNED_GUIDE_POOL_INL_H_
#undef SOFTPOOL_POOLINGS_LEARNED_GUIDE_LEARNED_GUIDE_POOL_INL_H_
#else
#define SOFTPOOL_POOLINGS_LEARNED_GUIDE_LEARNED_GUIDE_POOL_INL_H_
#endif

#include <limits>

#include "softpool/engine/pool_math.h"
#include "softpool/engine/taps-inl.h"
#include "softpool/poolings/shared/small_factors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
struct GuideTables {
  const C* kernel;  // [places, channels]
  int64_t places, channels;

  explicit GuideTables(const Call& call)
      : kernel(static_cast<const C*>(call.Input("kernel").data)),
        places(call.Input("kernel").dims[0]),
        channels(call.geometry.Channels()) {}

  template <class W>
  HWY_INLINE V<typename W::D> Weight(const W& window, const Tap& tap) const {
    return window.LoadChannel(kernel + tap.place * channels);
  }
};

// The values around a window's centre. With kRare, some may be infinite.
template <class W, bool kRare>
class Surroundings {
 public:
  using D = typename W::D;
  using C = hn::TFromD<D>;

  HWY_INLINE Surroundings(const W& window, const GuideTables<C>& tables)
      : window_(window), tables_(tables), values_(window) {
    TapSum<D, W::kTaps == 0> sum;
    V<D> present = hn::Zero(D());
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      sum.AddProduct(i, tables.Weight(window, tap), At(i, tap));
      if constexpr (kRare) present = hn::Add(present, OfNumber(i, tap, hn::Set(D(), C{1})));
    });
    if constexpr (!kRare) present = hn::Set(D(), static_cast<C>(window.Taps()));
    const V<D> counted = Larger(D(), present, hn::Set(D(), C{1}));
    factor_ = hn::Div(hn::Set(D(), static_cast<C>(tables.places)), counted);
    guide_ = hn::Mul(sum.Total(), factor_);
    if constexpr (kRare) FindLarge();
  }

  HWY_INLINE bool AllFinite() const { return hn::AllTrue(D(), hn::IsFinite(guide_)); }
  HWY_INLINE V<D> Guide() const { return guide_; }
  HWY_INLINE V<D> Factor() const { return factor_; }

  HWY_INLINE V<D> At(int64_t i, const Tap& tap) const {
    return OfNumber(i, tap, values_.At(i, tap));
  }
  // Returns `v`, or zero at taps with an infinite value.
  HWY_INLINE V<D> OfNumber(int64_t i, const Tap& tap, V<D> v) const {
    if constexpr (!kRare) return v;
    const V<D> infinity = hn::Set(D(), std::numeric_limits<C>::infinity());
    return hn::IfThenZeroElse(hn::Eq(hn::Abs(values_.At(i, tap)), infinity), v);
  }

 private:
  // Computes guides that are not finite again from small factors, so that terms of both signs do
  // not overflow.
  HWY_INLINE void FindLarge() {
    const SmallFactors<D> small;
    TapSum<D, W::kTaps == 0> sum;
    window_.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      sum.AddProduct(i, small.Of(tables_.Weight(window_, tap)), small.Of(At(i, tap)));
    });
    const V<D> large = small.Product(hn::Mul(sum.Total(), factor_));
    guide_ = hn::IfThenElse(hn::IsFinite(guide_), guide_, large);
  }

  const W& window_;
  const GuideTables<C>& tables_;
  const TapValues<W> values_;
  V<D> factor_, guide_;
};

template <class Math, class W>
HWY_NOINLINE void GuideRare(Math& math, const W& window) {
  math.Guide(window, Surroundings<W, true>(window, math.tables));
}

// Calls math.Guide(window, surroundings).
template <class Math, class W>
HWY_INLINE void RunGuide(Math& math, const W& window) {
  const Surroundings<W, false> around(window, math.tables);
  if (HWY_UNLIKELY(!around.AllFinite())) return GuideRare(math, window.AnySize());
  math.Guide(window, around);
}

template <class C>
struct LearnedGuideMath : PoolMath {
  static constexpr int kWindowOutputs = 1;
  static constexpr bool kFewSizes = true;
  static constexpr bool kUsesChannels = true;

  GuideTables<C> tables;

  explicit LearnedGuideMath(const Call& call) : tables(call) {}

  template <class W>
  HWY_INLINE void Run(const W& window) const {
    RunGuide(*this, window);
  }

  template <class W, class Around>
  HWY_INLINE void Guide(const W& window, const Around& around) const {
    window.StoreWindow(around.Guide());
  }
};

// With g = dL/dy and f = places / present, dL/da_i = g f kernel_i, and dL/dkernel_i is the sum of
// g f a_i over all windows.
template <class C, class Summing>
struct LearnedGuideGradMath : Summing {
  static constexpr int kWindowInputs = 1, kTapOutputs = 1;
  static constexpr int kCyclesPerTap = 2;
  static constexpr bool kFewSizes = true;
  static constexpr bool kUsesChannels = true;

  GuideTables<C> tables;

  LearnedGuideGradMath(const Call& call, const Summing& summing) : Summing(summing), tables(call) {}

  template <class W>
  HWY_INLINE void Run(const W& window) {
    RunGuide(*this, window);
  }

  template <class W, class Around>
  HWY_INLINE void Guide(const W& window, const Around& around) {
    using D = typename W::D;
    const V<D> g = window.LoadWindow(), product = hn::Mul(g, around.Factor());
    const auto fits = hn::IsFinite(product);
    if (HWY_UNLIKELY(!hn::AllTrue(D(), fits))) {
      const V<D> rest = hn::IfThenElse(fits, hn::Set(D(), C{1}), around.Factor());
      return SendLarge(window, around, hn::IfThenElse(fits, product, g), rest);
    }
    Send(window, around, [&](V<D> v) HWY_ATTR { return hn::Mul(product, v); });
  }

  // The product of g and f may be beyond the type's range, and its product with a kernel inside. So
  // it comes as two factors.
  template <class W, class Around>
  HWY_NOINLINE void SendLarge(const W& window, const Around& around, V<typename W::D> g,
                              V<typename W::D> rest) {
    using D = typename W::D;
    Send(window, around, [&](V<D> v) HWY_ATTR { return hn::Mul(hn::Mul(g, v), rest); });
  }

  // times_g(v) returns g f v.
  template <class W, class Around, class F>
  HWY_INLINE void Send(const W& window, const Around& around, const F& times_g) {
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      window.Emit(tap, around.OfNumber(i, tap, times_g(tables.Weight(window, tap))));
      window.AddChannel(times_g(around.At(i, tap)), Summing::sums.Row(tap.place));
    });
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
