// The mathematics of detail-preserving pooling's gradients.
#if defined(TF_SOFTPOOL_KERNELS_DETAIL_PRESERVING_POOL_GRAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_DETAIL_PRESERVING_POOL_GRAD_INL_H_
#undef TF_SOFTPOOL_KERNELS_DETAIL_PRESERVING_POOL_GRAD_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_DETAIL_PRESERVING_POOL_GRAD_INL_H_
#endif

#include "kernels/detail-inl.h"
#include "kernels/host_device.h"
#include "kernels/pool_math.h"
#include "kernels/single_lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// With W the weights' sum and f_i = x_i - y:
//
//   dL/dguide  = -g sum_i rho'_i f_i / W,   rho'_i = lambda d_i rho_i / (d_i^2 + epsilon^2)
//   dL/dx_i    = g (w_i + rho'_i f_i) / W, and a share of dL/dguide where the guide is the average
//   dL/dalpha  = sum over windows of g sum_i f_i / W
//   dL/dlambda = sum over windows of g sum_i f_i rho_i log(d_i^2 + epsilon^2) / 2 W
//
// Summing is the base of mathematics that adds to sums over all windows, one for each channel.
template <class C, class Summing>
struct DetailPoolGradMath : Summing {
  static constexpr int kWindowInputs = 2, kWindowOutputs = 1, kTapOutputs = 1;
  static constexpr int kCyclesPerTap = 4;
  static constexpr int kGuide = 1, kToAlpha = 0, kToLambda = 1;
  using Summing::sums;

  DetailTables<C> tables;
  AverageMemory<C> memory;
  LaneMemory<C> slope_memory, log_memory;

  SOFTPOOL_HOST_DEVICE DetailPoolGradMath(const DetailTables<C>& tables, const Summing& summing)
      : Summing(summing), tables(tables) {}

  template <class W>
  HWY_INLINE void Run(const W& window) {
    using D = typename W::D;
    constexpr bool kLong = W::kTaps == 0;
    if constexpr (kLong) {
      if (window.Taps() > kMostTapsInLanes) return RunMany(window);
    }
    const V<D> lambda = window.LoadChannel(tables.lambda);
    TapRow<W> slopes(window, &slope_memory), logs(window, &log_memory);
    const DetailWeights<W, kGuide> weights(
        window, tables, &memory,
        [&](int64_t i, V<D> detail, V<D> base, const Log2<D>& log2, V<D> rho) HWY_ATTR {
          slopes.Set(i, hn::Mul(hn::Mul(lambda, rho), hn::Div(detail, base)));
          logs.Set(i, hn::Mul(rho, log2.Sum()));
        });
    const WeightedAverage<W, true>& average = weights.Average();
    TapSum<D, kLong> away, to_details, to_logs;
    window.ForEach([&](int64_t i, const Tap&) HWY_ATTR {
      const V<D> from = average.FromAverage(i);
      const V<D> to_detail = hn::Mul(hn::Mul(slopes.At(i), average.ToShare()), from);
      slopes.Set(i, to_detail);
      to_details.Add(i, to_detail);
      away.Add(i, from);
      to_logs.AddProduct(i, hn::Mul(logs.At(i), average.ToShare()), from);
    });
    const V<D> all = to_details.Total();
    V<D> to_alpha = hn::Mul(away.Total(), average.Divided(average.ToShare()));
    V<D> to_lambda =
        hn::Mul(average.Divided(to_logs.Total()), hn::Set(D(), PowerConstants<C>::kLn2 / 2));
    V<D> to_guide = hn::Neg(average.Divided(all));
    const auto right = hn::And(weights.Right(),
                               hn::IsFinite(Check(D(), to_alpha, Check(D(), to_lambda, to_guide))));
    const bool all_right = HWY_LIKELY(hn::AllTrue(D(), right));
    if constexpr (!kLong) {
      if (!all_right) return RunSlowly(window.AnySize());
    }
    // The guide's gradient goes back to what it is the average of.
    const bool guided = window.template HasWindow<kGuide>();
    const V<D> share =
        guided ? hn::Zero(D()) : hn::Mul(all, hn::Set(D(), C{1} / static_cast<C>(window.Taps())));
    window.ForEach([&](int64_t i, const Tap&) HWY_ATTR {
      const V<D> to_tap = hn::Sub(hn::Add(average.Share(i), slopes.At(i)), share);
      slopes.Set(i, average.Divided(to_tap));
    });
    if constexpr (kLong) {
      ForEachUnset(window, right, [&](size_t lane) {
        SetLane(window, lane, &slopes, &to_guide, &to_alpha, &to_lambda);
      });
    }
    const V<D> g = window.LoadWindow();
    window.ForEach([&](int64_t i, const Tap& tap)
                       HWY_ATTR { window.Emit(tap, hn::Mul(g, slopes.At(i))); });
    if (guided) window.StoreWindow(hn::Mul(g, to_guide));
    window.AddChannel(hn::Mul(g, to_alpha), sums.Row(kToAlpha));
    window.AddChannel(hn::Mul(g, to_lambda), sums.Row(kToLambda));
  }

  template <class W>
  HWY_NOINLINE void RunSlowly(const W& window) {
    Run(window);
  }

  // Replaces what one lane's taps get in memory, and the other gradients of it.
  template <class W>
  HWY_NOINLINE void SetLane(const W& window, size_t lane, TapRow<W>* to_taps,
                            V<typename W::D>* to_guide, V<typename W::D>* to_alpha,
                            V<typename W::D>* to_lambda) {
    const typename W::D d;
    const auto by_the_book = DetailByTheBook<kGuide>(window, lane, tables, /*with_gradients=*/true);
    window.ForEach([&](int64_t i, const Tap& tap) {
      const C to_x = static_cast<C>(by_the_book.ToX(window.LoadLane(tap, lane)));
      to_taps->SetLane(i, lane, to_x);
    });
    *to_guide = WithLane(d, *to_guide, lane, static_cast<C>(by_the_book.to_guide));
    *to_alpha = WithLane(d, *to_alpha, lane, static_cast<C>(by_the_book.to_alpha));
    *to_lambda = WithLane(d, *to_lambda, lane, static_cast<C>(by_the_book.to_lambda));
  }

  // Windows of very many taps.
  template <class W>
  HWY_NOINLINE void RunMany(const W& window) {
    ForEachOwnLane(window, [&](size_t lane) {
      const auto by_the_book =
          DetailByTheBook<kGuide>(window, lane, tables, /*with_gradients=*/true);
      const WiderType<C> g = window.LoadWindowLane(lane);
      window.ForEach([&](int64_t, const Tap& tap) {
        const WiderType<C> to_x = by_the_book.ToX(window.LoadLane(tap, lane));
        window.EmitLane(tap, static_cast<C>(g * to_x), lane);
      });
      if (by_the_book.guided) window.StoreLane(static_cast<C>(g * by_the_book.to_guide), lane);
      window.AddChannelLane(static_cast<C>(g * by_the_book.to_alpha), sums.Row(kToAlpha), lane);
      window.AddChannelLane(static_cast<C>(g * by_the_book.to_lambda), sums.Row(kToLambda), lane);
    });
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
