// The weights of detail-preserving pooling in a window, and the average they make.
#if defined(TF_SOFTPOOL_KERNELS_DETAIL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_DETAIL_INL_H_
#undef TF_SOFTPOOL_KERNELS_DETAIL_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_DETAIL_INL_H_
#endif

#include <hwy/highway.h>

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "kernels/detail_lane.h"
#include "kernels/detail_preserving_pool.h"
#include "kernels/power-inl.h"
#include "kernels/single_lanes-inl.h"
#include "kernels/weighted_average-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// The parameters of all channels. Copies share them. C is the type that values are computed in.
template <class C>
class DetailTables {
 public:
  DetailTables(const DetailParameters& parameters, int64_t channels)
      : alpha(static_cast<const C*>(parameters.alpha)),
        lambda(static_cast<const C*>(parameters.lambda)),
        floor(parameters.symmetric ? -std::numeric_limits<C>::infinity() : C{0}) {
    std::vector<C> bases(channels);
    plain_ = parameters.symmetric;
    for (int64_t c = 0; c < channels; ++c) {
      bases[c] = LargestBase(lambda[c]);
      plain_ = plain_ && lambda[c] >= 0 && lambda[c] <= kPlainLambda;
    }
    largest_base_ = std::make_shared<const std::vector<C>>(std::move(bases));
  }

  // Powers between 2^-kRange and 2^kRange are computed side by side.
  static constexpr int kRange = sizeof(C) == 8 ? 900 : 100;

  const C* alpha;
  const C* lambda;
  const C floor;  // what a detail is at least
  // What d^2 + epsilon^2 may be at most for its power not to leave that range.
  const C* LargestBases() const { return largest_base_->data(); }
  bool Symmetric() const { return floor != 0; }
  // Whether details have no floor, and no power of them can be subnormal.
  bool Plain() const { return plain_; }

 private:
  static C LargestBase(C lambda) {
    const double range = kRange;
    if (!(std::abs(lambda) < 1e30)) return 0;
    if (lambda <= 0) {
      // The smallest base has the largest power.
      const double largest = lambda * std::log2(kDetailEpsilon);
      return largest <= range ? static_cast<C>(std::exp2(range)) : C{0};
    }
    return static_cast<C>(std::exp2(std::min(2 * range / lambda, range)));
  }

  // epsilon to this power is a normal number.
  static constexpr C kPlainLambda = 12;

  std::shared_ptr<const std::vector<C>> largest_base_;
  bool plain_;
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
    if (HWY_LIKELY(tables.Plain())) {
      Weigh<true>(window, tables, on_tap);
    } else {
      Weigh<false>(window, tables, on_tap);
    }
    average_.Finish();
    const V<D> smallest = hn::Set(D(), static_cast<C>(std::ldexp(1.0, -tables.kRange)));
    right_ = hn::And(hn::And(hn::Le(largest_, window.LoadChannel(tables.LargestBases())),
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
    if (window.tensors.window_in[kGuide] != nullptr) return window.template LoadWindow<kGuide>();
    const int64_t taps = kLong ? window.box.Total() : W::kTaps;
    return hn::Mul(sum.Total(), hn::Set(D(), C{1} / static_cast<C>(taps)));
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

// Fills in what one lane's window reads.
template <int kGuide, class W, class C>
void GatherDetail(const W& window, size_t lane, const DetailTables<C>& tables,
                  DetailLane<WiderType<C>>* detail) {
  GatherLane(window, lane, &detail->x);
  detail->guided = window.tensors.window_in[kGuide] != nullptr;
  if (detail->guided) detail->guide = window.template LoadWindowLane<kGuide>(lane);
  detail->alpha = window.LoadChannelLane(tables.alpha, lane);
  detail->lambda = window.LoadChannelLane(tables.lambda, lane);
  detail->symmetric = tables.Symmetric();
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
