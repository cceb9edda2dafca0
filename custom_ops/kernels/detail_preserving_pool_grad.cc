#include "kernels/detail_preserving_pool.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/detail_preserving_pool_grad.cc"
#include <hwy/foreach_target.h>
// The target's headers follow it.
#include <hwy/highway.h>

#include "kernels/channel_sums-inl.h"
#include "kernels/detail-inl.h"
#include "kernels/walk-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// With W the weights' sum and f_i = x_i - y:
//
//   dL/dguide  = -g sum_i rho'_i f_i / W,   rho'_i = lambda d_i rho_i / (d_i^2 + epsilon^2)
//   dL/dx_i    = g (w_i + rho'_i f_i) / W, and a share of dL/dguide where the guide is the average
//   dL/dalpha  = sum over windows of g sum_i f_i / W
//   dL/dlambda = sum over windows of g sum_i f_i rho_i log(d_i^2 + epsilon^2) / 2 W
template <class C>
struct DetailPoolGradMath : SummingMath<C> {
  static constexpr int kWindowInputs = 2, kWindowOutputs = 1, kTapOutputs = 1;
  static constexpr int kCyclesPerTap = 4;
  static constexpr int kGuide = 1, kToAlpha = 0, kToLambda = 1;
  using SummingMath<C>::sums;

  DetailTables<C> tables;
  AverageMemory<C> memory;
  std::vector<C> slope_memory, log_memory;
  DetailLane<WiderType<C>> by_the_book;

  DetailPoolGradMath(const DetailTables<C>& tables, ParameterSums<C>* parameters)
      : SummingMath<C>(parameters), tables(tables) {}

  template <class W>
  HWY_INLINE void Run(const W& window) {
    using D = typename W::D;
    constexpr bool kLong = W::kTaps == 0;
    if (kLong && window.box.Total() > kMostTapsInLanes) return RunMany(window);
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
    const bool guided = window.tensors.window_in[kGuide] != nullptr;
    const int64_t taps = kLong ? window.box.Total() : W::kTaps;
    const V<D> share =
        guided ? hn::Zero(D()) : hn::Mul(all, hn::Set(D(), C{1} / static_cast<C>(taps)));
    window.ForEach([&](int64_t i, const Tap&) HWY_ATTR {
      const V<D> to_tap = hn::Sub(hn::Add(average.Share(i), slopes.At(i)), share);
      slopes.Set(i, average.Divided(to_tap));
    });
    if (!all_right) {
      ForEachUnset(window, right,
                   [&](size_t lane) { SetLane(window, lane, &to_guide, &to_alpha, &to_lambda); });
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
  HWY_NOINLINE void SetLane(const W& window, size_t lane, V<typename W::D>* to_guide,
                            V<typename W::D>* to_alpha, V<typename W::D>* to_lambda) {
    const typename W::D d;
    GatherDetail<kGuide>(window, lane, tables, &by_the_book);
    by_the_book.Run(/*with_gradients=*/true);
    for (size_t i = 0; i < by_the_book.x.size(); ++i) {
      slope_memory[i * hn::Lanes(d) + lane] = static_cast<C>(by_the_book.to_x[i]);
    }
    *to_guide = WithLane(d, *to_guide, lane, static_cast<C>(by_the_book.to_guide));
    *to_alpha = WithLane(d, *to_alpha, lane, static_cast<C>(by_the_book.to_alpha));
    *to_lambda = WithLane(d, *to_lambda, lane, static_cast<C>(by_the_book.to_lambda));
  }

  // Windows of very many taps.
  template <class W>
  HWY_NOINLINE void RunMany(const W& window) {
    ForEachOwnLane(window, [&](size_t lane) {
      GatherDetail<kGuide>(window, lane, tables, &by_the_book);
      by_the_book.Run(/*with_gradients=*/true);
      const WiderType<C> g = window.LoadWindowLane(lane);
      window.ForEach([&](int64_t i, const Tap& tap) {
        window.EmitLane(tap, static_cast<C>(g * by_the_book.to_x[i]), lane);
      });
      if (by_the_book.guided) window.StoreLane(static_cast<C>(g * by_the_book.to_guide), lane);
      if (!window.IsHome()) return;
      const int64_t channel = window.lanes.Channel(lane);
      sums.Row(kToAlpha)[channel] += static_cast<C>(g * by_the_book.to_alpha);
      sums.Row(kToLambda)[channel] += static_cast<C>(g * by_the_book.to_lambda);
    });
  }
};

void DetailPoolGradTarget(DataType type, const PoolGeometry& g, const DetailInputs& inputs,
                          const void* gradient, const DetailGradients& gradients,
                          const ParallelFor& parallel) {
  const ScopedSubnormals subnormals;
  WithType(type, [&](auto value) {
    using T = decltype(value);
    using C = ComputeType<T>;
    using Math = DetailPoolGradMath<C>;
    const Tensors<T, Math> tensors{
        {static_cast<const T*>(inputs.x)},
        {static_cast<const T*>(gradient), static_cast<const T*>(inputs.guide)},
        {static_cast<T*>(gradients.guide)},
        {static_cast<T*>(gradients.x)}};
    const int64_t channels = g.Channels();
    ParameterSums<C> sums(2, channels, /*per_channel=*/true);
    Pool(Math(DetailTables<C>(inputs.parameters, channels), &sums), g, tensors, parallel);
    std::vector<C> totals(2 * channels);
    sums.Total(totals.data());
    std::copy_n(totals.begin(), channels, static_cast<C*>(gradients.alpha));
    std::copy_n(totals.begin() + channels, channels, static_cast<C*>(gradients.lambda));
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {

HWY_EXPORT(DetailPoolGradTarget);

void DetailPreservingPoolGrad(DataType type, const PoolGeometry& geometry,
                              const DetailInputs& inputs, const void* gradient,
                              const DetailGradients& gradients, const ParallelFor& parallel) {
  if (geometry.Empty()) {
    const size_t size = type == DataType::kFloat64 ? sizeof(double) : sizeof(float);
    std::memset(gradients.alpha, 0, size * geometry.Channels());
    std::memset(gradients.lambda, 0, size * geometry.Channels());
    return;
  }
  HWY_DYNAMIC_DISPATCH(DetailPoolGradTarget)
  (type, geometry, inputs, gradient, gradients, parallel);
}

}  // namespace softpool
#endif  // HWY_ONCE
