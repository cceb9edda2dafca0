// The weights of detail-preserving pooling in a window, and the average they make.
#if defined(TF_SOFTPOOL_KERNELS_DETAIL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_DETAIL_INL_H_
#undef TF_SOFTPOOL_KERNELS_DETAIL_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_DETAIL_INL_H_
#endif

#include <cmath>
#include <limits>

#include "kernels/data_type.h"
#include "kernels/detail_lane.h"
#include "kernels/detail_preserving_pool.h"
#include "kernels/host_device.h"
#include "kernels/power-inl.h"
#include "kernels/single_lanes-inl.h"
#include "kernels/weighted_average-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// The parameters of all channels. C is the type that values are computed in.
template <class C>
struct DetailTables {
  // Powers between 2^-kRange and 2^kRange are computed side by side.
  static constexpr int kRange = sizeof(C) == 8 ? 900 : 100;
  static constexpr C kSmallest = sizeof(C) == 8 ? C(0x1p-900) : C(0x1p-100);

  const C* alpha;
  const C* lambda;
  // What d^2 + epsilon^2 may be at most for its power not to leave that range.
  const C* largest_bases;
  C floor;  // what a detail is at least
  // Whether details have no floor, and no power of them can be subnormal.
  bool plain;

  DetailTables(const DetailParameters& parameters, const C* largest_bases, bool all_plain)
      : alpha(static_cast<const C*>(parameters.alpha)),
        lambda(static_cast<const C*>(parameters.lambda)),
        largest_bases(largest_bases),
        floor(parameters.symmetric ? -std::numeric_limits<C>::infinity() : C{0}),
        plain(parameters.symmetric && all_plain) {}

  HWY_INLINE bool Symmetric() const { return floor != 0; }

  SOFTPOOL_HOST_DEVICE static C LargestBase(C lambda) {
    constexpr double kLog2Epsilon = -9.965784284662087;
    const double power = static_cast<double>(lambda), range = kRange;
    if (!(std::fabs(power) < 1e30)) return 0;
    // Of those the smallest base has the largest power.
    if (power <= 0) return power * kLog2Epsilon <= range ? C(std::exp2(range)) : C{0};
    return static_cast<C>(std::exp2(2 * range / power < range ? 2 * range / power : range));
  }

  // epsilon to this power is a normal number.
  static bool IsPlain(C lambda) { return lambda >= 0 && lambda <= 12; }
};

// Tensor kGuide of those with one value a window is the guide, unless it is null.
template <class W, int kGuide>
class DetailWeights {
 public:
  using D = typename W::D;
  using C = hn::TFromD<D>;

  // Calls on_tap(index, detail, base, log2, rho) for each tap, where base = detail^2 + epsilon^2,
  // log2 is its logarithm and rho its power of lambda / 2.
  template <class F>
  HWY_INLINE DetailWeights(const W& window, const DetailTables<C>& tables, AverageMemory<C>* memory,
                           const F& on_tap)
      : average_(window, memory) {
    guide_ = Guide(window);
    if (HWY_LIKELY(tables.plain)) {
      Weigh<true>(window, tables, on_tap);
    } else {
      Weigh<false>(window, tables, on_tap);
    }
    average_.Finish();
    const V<D> smallest = hn::Set(D(), DetailTables<C>::kSmallest);
    right_ = hn::And(hn::And(hn::Le(largest_, window.LoadChannel(tables.largest_bases)),
                             hn::Ge(average_.Total(), smallest)),
                     hn::IsFinite(Check(D(), guide_, average_.Average())));
  }

  HWY_INLINE const WeightedAverage<W, true>& Average() const { return average_; }
  // The lanes whose numbers are such that this is right.
  HWY_INLINE M<D> Right() const { return right_; }

 private:
  // Loads the values.
  HWY_INLINE V<D> Guide(const W& window) {
    constexpr bool kLong = W::kTaps == 0;
    TapSum<D, kLong> sum;
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const V<D> x = window.Load(tap);
      average_.SetValue(i, x);
      sum.Add(i, x);
    });
    if (window.template HasWindow<kGuide>()) return window.template LoadWindow<kGuide>();
    return hn::Mul(sum.Total(), hn::Set(D(), C{1} / static_cast<C>(window.Taps())));
  }

  // kPlain leaves out what a plain table does not need, which changes no result.
  template <bool kPlain, class F>
  HWY_INLINE void Weigh(const W& window, const DetailTables<C>& tables, const F& on_tap) {
    const V<D> alpha = window.LoadChannel(tables.alpha);
    const V<D> half_lambda = hn::Mul(window.LoadChannel(tables.lambda), hn::Set(D(), C{0.5}));
    const V<D> floor = hn::Set(D(), tables.floor);
    const V<D> square = hn::Set(D(), static_cast<C>(kDetailEpsilon * kDetailEpsilon));
    largest_ = hn::Zero(D());
    window.ForEach([&](int64_t i, const Tap&) HWY_ATTR {
      V<D> detail = hn::Sub(average_.Value(i), guide_);
      if (!kPlain) detail = Larger(D(), detail, floor);
      const V<D> base = MulAdd(D(), detail, detail, square);
      largest_ = Larger(D(), base, largest_);
      const Log2<D> log2(D(), base);
      const V<D> rho = Power<kPlain>(D(), log2, half_lambda);
      average_.Weigh(i, hn::Add(alpha, rho));
      on_tap(i, detail, base, log2, rho);
    });
  }

  WeightedAverage<W, true> average_;
  V<D> guide_, largest_;
  M<D> right_;
};

// One lane's window.
template <int kGuide, class W, class C>
HWY_INLINE auto DetailByTheBook(const W& window, size_t lane, const DetailTables<C>& tables,
                                bool with_gradients) {
  using Real = WiderType<C>;
  DetailLane<Real> by_the_book;
  by_the_book.guided = window.template HasWindow<kGuide>();
  by_the_book.guide = by_the_book.guided ? window.template LoadWindowLane<kGuide>(lane) : C{0};
  by_the_book.alpha = window.LoadChannelLane(tables.alpha, lane);
  by_the_book.lambda = window.LoadChannelLane(tables.lambda, lane);
  by_the_book.symmetric = tables.Symmetric();
#if defined(SOFTPOOL_ONE_LANE)
  const auto for_each = [&](const auto& f) {
    window.ForEach([&](int64_t, const Tap& tap) { f(static_cast<Real>(window.Load(tap))); });
  };
  by_the_book.Run(for_each, with_gradients);
#else
  // Compiled once for all targets.
  RunByTheBook(GatherLane<0, Real>(window, lane), with_gradients, &by_the_book);
#endif
  return by_the_book;
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
