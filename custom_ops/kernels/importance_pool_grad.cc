#include "kernels/importance_lane.h"
#include "kernels/importance_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/importance_pool_grad.cc"
#include <hwy/foreach_target.h>
// The target's headers follow it.
#include <hwy/highway.h>

#include "kernels/importance-inl.h"
#include "kernels/walk-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// dL/dx_i = g w_i, dL/dl_i = g w_i (x_i - y).
template <class C>
struct ImportancePoolGradMath : PoolMath {
  static constexpr int kTapInputs = 2, kWindowInputs = 1, kTapOutputs = 2;
  static constexpr int kCyclesPerTap = 3;

  AverageMemory<C> memory;
  // Of windows whose taps the compiler does not know.
  std::vector<C> value_memory, logit_memory;
  ImportanceLane<WiderType<C>> by_the_book;

  template <class W>
  HWY_INLINE void Run(const W& window) {
    using D = typename W::D;
    if (W::kTaps == 0 && window.box.Total() > kMostTapsInLanes) return RunMany(window);
    WeightedAverage<W, false> average(window, &memory);
    AverageByImportance(window, &average);
    const auto finite = hn::IsFinite(average.Average());
    const bool all_finite = HWY_LIKELY(hn::AllTrue(D(), finite));
    if constexpr (W::kTaps > 0) {
      if (!all_finite) return RunSlowly(window.AnySize());
    }
    const V<D> g = window.LoadWindow();
    TapRow<W> to_value(window, &value_memory), to_logit(window, &logit_memory);
    window.ForEach([&](int64_t i, const Tap&) HWY_ATTR {
      // The scaled weight comes last to its true size, which may be subnormal.
      const V<D> product = hn::Mul(average.Share(i), average.FromAverage(i));
      to_value.Set(i, hn::Mul(g, average.Divided(average.Share(i))));
      to_logit.Set(i, hn::Mul(g, average.Divided(product)));
    });
    if (!all_finite) {
      ForEachUnset(window, finite, [&](size_t lane) { SetLane(window, lane); });
    }
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      window.template Emit<0>(tap, to_value.At(i));
      window.template Emit<1>(tap, to_logit.At(i));
    });
  }

  template <class W>
  HWY_NOINLINE void RunSlowly(const W& window) {
    Run(window);
  }

  template <class W>
  void RunLane(const W& window, size_t lane) {
    GatherLane<0>(window, lane, &by_the_book.x);
    GatherLane<1>(window, lane, &by_the_book.logits);
    by_the_book.Run();
  }

  // Replaces what one lane's taps get in memory.
  template <class W>
  HWY_NOINLINE void SetLane(const W& window, size_t lane) {
    const size_t step = hn::Lanes(typename W::D());
    RunLane(window, lane);
    const WiderType<C> g = window.LoadWindowLane(lane);
    for (size_t i = 0; i < by_the_book.x.size(); ++i) {
      value_memory[i * step + lane] = static_cast<C>(by_the_book.ToValue(i, g));
      logit_memory[i * step + lane] = static_cast<C>(by_the_book.ToLogit(i, g));
    }
  }

  // Windows of very many taps.
  template <class W>
  HWY_NOINLINE void RunMany(const W& window) {
    ForEachOwnLane(window, [&](size_t lane) {
      RunLane(window, lane);
      const WiderType<C> g = window.LoadWindowLane(lane);
      window.ForEach([&](int64_t i, const Tap& tap) {
        window.template EmitLane<0>(tap, static_cast<C>(by_the_book.ToValue(i, g)), lane);
        window.template EmitLane<1>(tap, static_cast<C>(by_the_book.ToLogit(i, g)), lane);
      });
    });
  }
};

void ImportancePoolGradTarget(DataType type, const PoolGeometry& g, const void* x,
                              const void* logits, const void* gradient, void* x_gradient,
                              void* logits_gradient, const ParallelFor& parallel) {
  WithType(type, [&](auto value) {
    using T = decltype(value);
    using Math = ImportancePoolGradMath<ComputeType<T>>;
    const Tensors<T, Math> tensors{{static_cast<const T*>(x), static_cast<const T*>(logits)},
                                   {static_cast<const T*>(gradient)},
                                   {},
                                   {static_cast<T*>(x_gradient), static_cast<T*>(logits_gradient)}};
    Pool(Math(), g, tensors, parallel);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace softpool {

HWY_EXPORT(ImportancePoolGradTarget);

void ImportancePoolGrad(DataType type, const PoolGeometry& geometry, const void* x,
                        const void* logits, const void* gradient, void* x_gradient,
                        void* logits_gradient, const ParallelFor& parallel) {
  if (geometry.Empty()) return;
  HWY_DYNAMIC_DISPATCH(ImportancePoolGradTarget)
  (type, geometry, x, logits, gradient, x_gradient, logits_gradient, parallel);
}

}  // namespace softpool
#endif  // HWY_ONCE
