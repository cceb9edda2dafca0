// Detail-preserving pooling: the average of a window, in which a value weighs more the further it
// is from a guide.
//
//   y = sum_i w_i x_i / sum_i w_i,   w_i = alpha + rho(x_i - guide)
//   rho(d) = (d^2 + epsilon^2)^(lambda / 2), or with max(d, 0) instead of d
//
// The guide has one value for each window. The caller gives the guide, or it is the window's
// average. Values of -inf have no weight. Source: F. Saeedan, N. Weber, M. Goesele, S. Roth,
// "Detail-preserving pooling in deep networks".
#if defined(SOFTPOOL_POOLINGS_DETAIL_PRESERVING_DETAIL_PRESERVING_POOL_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_DETAIL_PRESERVING_DETAIL_PRESERVING_POOL_INL_H_
#undef SOFTPOOL_POOLINGS_DETAIL_PRESERVING_DETAIL_PRESERVING_POOL_INL_H_
#else
#define SOFTPOOL_POOLINGS_DETAIL_PRESERVING_DETAIL_PRESERVING_POOL_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "softpool/engine/pool_math.h"
#include "softpool/poolings/detail_preserving/detail_reference.h"
#include "softpool/poolings/shared/own_code-inl.h"
#include "softpool/poolings/shared/weighted_average-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// The parameters of all channels. C is the type that values are computed in.
template <class C>
struct DetailTables {
  // The quick path is for powers between 2^-kRange and 2^kRange.
  static constexpr int kRange = sizeof(C) == 8 ? 900 : 100;
  static constexpr C kSmallest = sizeof(C) == 8 ? C(0x1p-900) : C(0x1p-100);

  const C* alpha;
  const C* lambda;
  // For each channel, an upper bound on d^2 + epsilon^2 that keeps its power in that range.
  const C* largest_bases;
  C floor;  // the lower bound of a detail: -inf, or 0 if not symmetric
  // True if `floor` is -inf and no detail's power can be subnormal, in any channel.
  bool plain;

  DetailTables(const Call& call, const C* largest_bases, bool all_plain)
      : alpha(static_cast<const C*>(call.Input("alpha").data)),
        lambda(static_cast<const C*>(call.Input("lam").data)),
        largest_bases(largest_bases) {
    const bool symmetric = call.attributes->Bool("symmetric");
    floor = symmetric ? -std::numeric_limits<C>::infinity() : C{0};
    plain = symmetric && all_plain;
  }

  HWY_INLINE bool Symmetric() const { return floor != 0; }

  SOFTPOOL_HOST_DEVICE static C LargestBase(C lambda) {
    constexpr double kLog2Epsilon = -9.965784284662087;
    const double power = static_cast<double>(lambda), range = kRange;
    if (!(std::fabs(power) < 1e30)) return 0;
    // With lambda <= 0, the smallest base, epsilon^2, has the largest power.
    if (power <= 0) return power * kLog2Epsilon <= range ? C(std::exp2(range)) : C{0};
    return static_cast<C>(std::exp2(2 * range / power < range ? 2 * range / power : range));
  }

  // Returns true only if no power is subnormal: the smallest, epsilon^lambda, is at least 1e-36.
  static bool IsPlain(C lambda) { return lambda >= 0 && lambda <= 12; }
};

// The weights of a window's values, and their average. The guide is window tensor number kGuide, or
// the window's average if that tensor is null.
//
// With kPart, values of -inf take no part. They are replaced with the guide, and have no weight. In
// lanes without them, this changes no bit.
template <class W, int kGuide, bool kPart>
class DetailWeights {
 public:
  using D = typename W::D;
  using C = hn::TFromD<D>;

  // Loads the values and the guide.
  HWY_INLINE DetailWeights(const W& window, AverageMemory<C>* memory) : average_(window, memory) {
    TapSum<D, W::kTaps == 0> sum;
    V<D> count = hn::Zero(D());
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      V<D> x = window.Load(tap);
      average_.SetValue(i, x);
      if constexpr (kPart) {
        const auto is_nothing = IsNothing(x);
        count = hn::IfThenElse(is_nothing, count, hn::Add(count, hn::Set(D(), C{1})));
        x = hn::IfThenZeroElse(is_nothing, x);
      }
      sum.Add(i, x);
    });
    sum_ = sum.Total();
    if constexpr (kPart) {
      empty_ = hn::Eq(count, hn::Zero(D()));
      per_value_ = hn::Div(hn::Set(D(), C{1}), count);
    } else {
      per_value_ = hn::Set(D(), C{1} / static_cast<C>(window.Taps()));
    }
    guide_ = window.template HasWindow<kGuide>() ? window.template LoadWindow<kGuide>()
                                                 : hn::Mul(sum_, per_value_);
  }

  // Returns false if a value is infinite or NaN.
  HWY_INLINE bool AllFinite() const { return hn::AllTrue(D(), hn::IsFinite(sum_)); }

  // Calls on_tap(index, detail, base, log2, rho) for each tap: base is detail^2 + epsilon^2, log2
  // is the binary logarithm of base, and rho is base^(lambda / 2).
  template <class F>
  HWY_INLINE void Weigh(const W& window, const DetailTables<C>& tables, const F& on_tap) {
    // The rarer path is compiled once: this takes minutes off a build.
    if (!kPart && HWY_LIKELY(tables.plain)) {
      WeighTaps<!kPart>(window, tables, on_tap);
    } else {
      WeighTaps<false>(window, tables, on_tap);
    }
    average_.Finish();
    const V<D> smallest = hn::Set(D(), DetailTables<C>::kSmallest);
    right_ = hn::And(hn::And(hn::Le(largest_, window.LoadChannel(tables.largest_bases)),
                             hn::Ge(average_.Total(), smallest)),
                     hn::IsFinite(Check(D(), guide_, average_.Average())));
    if constexpr (kPart) FindEmpty(window, tables);
  }

  HWY_INLINE const WeightedAverage<W, true>& Average() const { return average_; }
  // The result: the average, or -inf if no value takes part.
  HWY_INLINE V<D> Result() const {
    const V<D> y = average_.Average();
    if constexpr (!kPart) return y;
    return hn::IfThenElse(empty_, hn::Set(D(), -std::numeric_limits<C>::infinity()), y);
  }
  // The lanes in which the average and the weights are right. Other lanes need the reference path.
  HWY_INLINE M<D> Right() const { return right_; }
  // One divided by the number of values that take part.
  HWY_INLINE V<D> PerValue() const { return per_value_; }

  // Returns `v`, or zero if the tap's value takes no part.
  HWY_INLINE V<D> OfTap(const W& window, const Tap& tap, V<D> v) const {
    if constexpr (!kPart) return v;
    return hn::IfThenZeroElse(IsNothing(window.Load(tap)), v);
  }
  // Returns `v`, or zero if no value takes part.
  HWY_INLINE V<D> OfWindow(V<D> v) const {
    if constexpr (!kPart) return v;
    return hn::IfThenZeroElse(empty_, v);
  }

 private:
  HWY_INLINE static M<D> IsNothing(V<D> x) {
    return hn::Eq(x, hn::Set(D(), -std::numeric_limits<C>::infinity()));
  }

  // Windows of nothing but -inf need no reference path, unless a guide or a parameter is not
  // finite.
  HWY_INLINE void FindEmpty(const W& window, const DetailTables<C>& tables) {
    V<D> check = Check(D(), window.LoadChannel(tables.alpha), hn::Zero(D()));
    check = Check(D(), window.LoadChannel(tables.lambda), check);
    if (window.template HasWindow<kGuide>()) check = Check(D(), guide_, check);
    empty_ = hn::And(empty_, hn::IsFinite(check));
    right_ = hn::Or(right_, empty_);
  }

  // kPlain skips the steps that a plain table does not need. Skipping them changes no result.
  template <bool kPlain, class F>
  HWY_INLINE void WeighTaps(const W& window, const DetailTables<C>& tables, const F& on_tap) {
    const V<D> alpha = window.LoadChannel(tables.alpha);
    const V<D> half_lambda = hn::Mul(window.LoadChannel(tables.lambda), hn::Set(D(), C{0.5}));
    const V<D> floor = hn::Set(D(), tables.floor);
    const V<D> square = hn::Set(D(), static_cast<C>(kDetailEpsilon * kDetailEpsilon));
    largest_ = hn::Zero(D());
    window.ForEach([&](int64_t i, const Tap&) HWY_ATTR {
      [[maybe_unused]] const auto is_nothing = IsNothing(average_.Value(i));
      if constexpr (kPart) {
        average_.SetValue(i, hn::IfThenElse(is_nothing, guide_, average_.Value(i)));
      }
      V<D> detail = hn::Sub(average_.Value(i), guide_);
      if (!kPlain) detail = Larger(D(), detail, floor);
      const V<D> base = MulAdd(D(), detail, detail, square);
      largest_ = Larger(D(), base, largest_);
      const Log2<D> log2(D(), base);
      const V<D> rho = Power<kPlain>(D(), log2, half_lambda);
      V<D> weight = hn::Add(alpha, rho);
      if constexpr (kPart) weight = hn::IfThenZeroElse(is_nothing, weight);
      average_.Weigh(i, weight);
      on_tap(i, detail, base, log2, rho);
    });
  }

  WeightedAverage<W, true> average_;
  V<D> sum_, per_value_, guide_, largest_;
  M<D> right_, empty_;
};

// Returns the results of the slow reference path for one lane's window.
template <int kGuide, class W, class C>
HWY_INLINE auto DetailReferenceOf(const W& window, size_t lane, const DetailTables<C>& tables,
                                  bool with_gradients) {
  using Real = WiderType<C>;
  DetailReference<Real> reference;
  reference.guided = window.template HasWindow<kGuide>();
  reference.guide = reference.guided ? window.template LoadWindowLane<kGuide>(lane) : C{0};
  reference.alpha = window.LoadChannelLane(tables.alpha, lane);
  reference.lambda = window.LoadChannelLane(tables.lambda, lane);
  reference.symmetric = tables.Symmetric();
#if defined(SOFTPOOL_ONE_LANE)
  const auto for_each = [&](const auto& f) {
    window.ForEach([&](int64_t, const Tap& tap) { f(static_cast<Real>(window.Load(tap))); });
  };
  reference.Run(for_each, with_gradients);
#else
  std::vector<Real> x;
  window.ForEach([&](int64_t, const Tap& tap) { x.push_back(window.LoadLane(tap, lane)); });
  // RunReference() is compiled once, not for each target.
  RunReference(x, with_gradients, &reference);
#endif
  return reference;
}

template <class C>
struct DetailPoolMath : PoolMath {
  static constexpr int kWindowInputs = 1, kWindowOutputs = 1;
  static constexpr int kCyclesPerTap = 3;
  static constexpr bool kUsesChannels = true;

  DetailTables<C> tables;
  AverageMemory<C> memory;

  explicit DetailPoolMath(const DetailTables<C>& tables) : tables(tables) {}

  template <class W>
  HWY_INLINE void Run(const W& window) {
    if (W::kTaps == 0 && window.Taps() > kMostTapsInLanes) {
      return RunReference(window.AnySize(), hn::FirstN(typename W::D(), 0));
    }
    Pool<false>(window);
  }

  template <bool kPart, class W>
  HWY_INLINE void Pool(const W& window) {
    using D = typename W::D;
    DetailWeights<W, 0, kPart> weights(window, &memory);
    if (!kPart && HWY_UNLIKELY(!weights.AllFinite())) return PoolPart(ForOwnCode(window));
    weights.Weigh(window, tables, [](auto&&...) {});
    window.StoreWindow(weights.Result());
    if (HWY_UNLIKELY(!hn::AllTrue(D(), weights.Right()))) {
      RunReference(window.AnySize(), weights.Right());
    }
  }

  template <class W>
  HWY_NOINLINE void PoolPart(const W& window) {
    Pool<true>(window);
  }

  // Stores the reference path's results for the lanes that are not `done`.
  template <class W>
  HWY_NOINLINE void RunReference(const W& window, M<typename W::D> done) {
    ForEachUnset(window, done, [&](size_t lane) {
      const auto reference = DetailReferenceOf<0>(window, lane, tables, /*with_gradients=*/false);
      window.StoreLane(static_cast<C>(reference.y), lane);
    });
  }
};

// With g = dL/dy, W the sum of the weights, and f_i = x_i - y:
//
//   dL/dguide  = -g sum_i rho'_i f_i / W,   rho'_i = lambda d_i rho_i / (d_i^2 + epsilon^2)
//   dL/dx_i    = g (w_i + rho'_i f_i) / W, plus a share of dL/dguide if the guide is the average
//   dL/dalpha  = sum over windows of g sum_i f_i / W
//   dL/dlambda = sum over windows of g sum_i f_i rho_i log(d_i^2 + epsilon^2) / 2 W
//
// Summing is the base class that holds sums over all windows, one for each channel. It is
// SummingMath on a CPU and ThreadSumming on a GPU.
template <class C, class Summing>
struct DetailPoolGradMath : Summing {
  static constexpr int kWindowInputs = 2, kWindowOutputs = 1, kTapOutputs = 1;
  static constexpr int kCyclesPerTap = 4;
  static constexpr int kGuide = 0, kGradient = 1;
  static constexpr int kToAlpha = 0, kToLambda = 1;  // rows of `sums`
  using Summing::sums;

  DetailTables<C> tables;
  AverageMemory<C> memory;
  LaneMemory<C> slope_memory, log_memory;

  DetailPoolGradMath(const DetailTables<C>& tables, const Summing& summing)
      : Summing(summing), tables(tables) {}

  template <class W>
  HWY_INLINE void Run(const W& window) {
    if constexpr (W::kTaps == 0) {
      if (window.Taps() > kMostTapsInLanes) return RunMany(window);
    }
    Send<false>(window);
  }

  template <bool kPart, class W>
  HWY_INLINE void Send(const W& window) {
    using D = typename W::D;
    constexpr bool kLong = W::kTaps == 0;
    DetailWeights<W, kGuide, kPart> weights(window, &memory);
    if (!kPart && HWY_UNLIKELY(!weights.AllFinite())) return SendPart(ForOwnCode(window));
    const V<D> lambda = window.LoadChannel(tables.lambda);
    TapRow<W> slopes(window, &slope_memory), logs(window, &log_memory);
    weights.Weigh(window, tables,
                  [&](int64_t i, V<D> detail, V<D> base, const Log2<D>& log2, V<D> rho) HWY_ATTR {
                    slopes.Set(i, hn::Mul(hn::Mul(lambda, rho), hn::Div(detail, base)));
                    logs.Set(i, hn::Mul(rho, log2.Sum()));
                  });
    const WeightedAverage<W, true>& average = weights.Average();
    TapSum<D, kLong> away, to_details, to_logs;
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const V<D> from = weights.OfTap(window, tap, average.FromAverage(i));
      const V<D> to_detail = hn::Mul(hn::Mul(slopes.At(i), average.ToShare()), from);
      slopes.Set(i, to_detail);
      to_details.Add(i, to_detail);
      away.Add(i, from);
      to_logs.AddProduct(i, hn::Mul(logs.At(i), average.ToShare()), from);
    });
    const V<D> all = to_details.Total();
    V<D> to_alpha = weights.OfWindow(hn::Mul(away.Total(), average.Divided(average.ToShare())));
    V<D> to_lambda = weights.OfWindow(
        hn::Mul(average.Divided(to_logs.Total()), hn::Set(D(), PowerConstants<C>::kLn2 / 2)));
    V<D> to_guide = weights.OfWindow(hn::Neg(average.Divided(all)));
    const auto right = hn::And(weights.Right(),
                               hn::IsFinite(Check(D(), to_alpha, Check(D(), to_lambda, to_guide))));
    const bool all_right = HWY_LIKELY(hn::AllTrue(D(), right));
    if constexpr (!kLong) {
      if (!all_right) return RunSlowly(window.AnySize());
    }
    // A guide that is the window's average passes its gradient on to the values.
    const bool guided = window.template HasWindow<kGuide>();
    const V<D> g = window.template LoadWindow<kGradient>();
    const V<D> share = guided ? hn::Zero(D()) : hn::Mul(all, weights.PerValue());
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      V<D> to_tap = hn::Sub(hn::Add(average.Share(i), slopes.At(i)), share);
      to_tap = weights.OfTap(window, tap, to_tap);
      slopes.Set(i, hn::Mul(g, average.Divided(to_tap)));
    });
    to_guide = hn::Mul(g, to_guide);
    to_alpha = hn::Mul(g, to_alpha);
    to_lambda = hn::Mul(g, to_lambda);
    if constexpr (kLong) {
      ForEachUnset(window, right, [&](size_t lane) {
        SetLane(window, lane, &slopes, &to_guide, &to_alpha, &to_lambda);
      });
    }
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR { window.Emit(tap, slopes.At(i)); });
    if (guided) window.StoreWindow(to_guide);
    window.AddChannel(to_alpha, sums.Row(kToAlpha));
    window.AddChannel(to_lambda, sums.Row(kToLambda));
  }

  template <class W>
  HWY_NOINLINE void SendPart(const W& window) {
    Send<true>(window);
  }

  template <class W>
  HWY_NOINLINE void RunSlowly(const W& window) {
    Run(window);
  }

  // Replaces all gradients of one lane with those of the reference path.
  template <class W>
  HWY_NOINLINE void SetLane(const W& window, size_t lane, TapRow<W>* to_taps,
                            V<typename W::D>* to_guide, V<typename W::D>* to_alpha,
                            V<typename W::D>* to_lambda) {
    const auto reference = DetailReferenceOf<kGuide>(window, lane, tables, /*with_gradients=*/true);
    // A derivative may be beyond the range of C, and its product with the gradient inside.
    const WiderType<C> g = window.template LoadWindowLane<kGradient>(lane);
    window.ForEach([&](int64_t i, const Tap& tap) {
      const WiderType<C> to_x = reference.ToX(window.LoadLane(tap, lane));
      to_taps->SetLane(i, lane, static_cast<C>(g * to_x));
    });
    *to_guide = WithLane(window, *to_guide, lane, static_cast<C>(g * reference.to_guide));
    *to_alpha = WithLane(window, *to_alpha, lane, static_cast<C>(g * reference.to_alpha));
    *to_lambda = WithLane(window, *to_lambda, lane, static_cast<C>(g * reference.to_lambda));
  }

  // Runs a window of more than kMostTapsInLanes taps, one lane after another.
  template <class W>
  HWY_NOINLINE void RunMany(const W& window) {
    ForEachOwnLane(window, [&](size_t lane) {
      const auto reference =
          DetailReferenceOf<kGuide>(window, lane, tables, /*with_gradients=*/true);
      const WiderType<C> g = window.template LoadWindowLane<kGradient>(lane);
      window.ForEach([&](int64_t, const Tap& tap) {
        const WiderType<C> to_x = reference.ToX(window.LoadLane(tap, lane));
        window.EmitLane(tap, static_cast<C>(g * to_x), lane);
      });
      if (reference.guided) window.StoreLane(static_cast<C>(g * reference.to_guide), lane);
      window.AddChannelLane(static_cast<C>(g * reference.to_alpha), sums.Row(kToAlpha), lane);
      window.AddChannelLane(static_cast<C>(g * reference.to_lambda), sums.Row(kToLambda), lane);
    });
  }
};

#if !defined(SOFTPOOL_ONE_LANE)
// The tables of a CPU kernel, and the memory of `largest_bases`, which copies share.
template <class C>
struct HostDetailTables {
  std::shared_ptr<const std::vector<C>> largest_bases;
  DetailTables<C> tables;

  explicit HostDetailTables(const Call& call)
      : largest_bases(LargestBases(call)), tables(call, largest_bases->data(), AllPlain(call)) {}

 private:
  static const C* Lambda(const Call& call) { return static_cast<const C*>(call.Input("lam").data); }
  static std::shared_ptr<const std::vector<C>> LargestBases(const Call& call) {
    const int64_t channels = call.geometry.Channels();
    std::vector<C> bases(channels);
    for (int64_t c = 0; c < channels; ++c) {
      bases[c] = DetailTables<C>::LargestBase(Lambda(call)[c]);
    }
    return std::make_shared<const std::vector<C>>(std::move(bases));
  }
  static bool AllPlain(const Call& call) {
    return std::all_of(Lambda(call), Lambda(call) + call.geometry.Channels(),
                       DetailTables<C>::IsPlain);
  }
};
#endif

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
