// The mathematics of SoftPool's gradient.
#if defined(TF_SOFTPOOL_KERNELS_SOFT_POOL_GRAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_SOFT_POOL_GRAD_INL_H_
#undef TF_SOFTPOOL_KERNELS_SOFT_POOL_GRAD_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_SOFT_POOL_GRAD_INL_H_
#endif

#include "kernels/host_device.h"
#include "kernels/pool_math.h"
#include "kernels/soft_pool.h"
#include "kernels/softmax-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

struct SoftPoolGradMath : PoolMath {
  static constexpr int kWindowInputs = 1, kTapOutputs = 1;
  static constexpr int kCyclesPerTap = 2;

  SoftPoolGradient kind;

  SOFTPOOL_HOST_DEVICE explicit SoftPoolGradMath(SoftPoolGradient kind) : kind(kind) {}

  template <class W>
  HWY_INLINE void Run(const W& window) const {
    const TapValues<W> values(window);
    const auto m = Largest(window, values);
    if (HWY_UNLIKELY(AnyInfinite(typename W::D(), m))) return RunInfinite(window.AnySize(), m);
    Send<false>(window, values, m);
  }

  template <class W>
  HWY_NOINLINE void RunInfinite(const W& window, V<typename W::D> m) const {
    Send<true>(window, TapValues<W>(window), m);
  }

  template <bool kInfinite, class W>
  HWY_INLINE void Send(const W& window, const TapValues<W>& values, V<typename W::D> m) const {
    using D = typename W::D;
    // Known few taps keep their weights; otherwise they are computed again.
    V<D> e[W::kTaps > 0 ? W::kTaps : 1], distance[W::kTaps > 0 ? W::kTaps : 1];
    TapSum<D, W::kTaps == 0> weights, products;
    const auto weigh = [&](int64_t at, int64_t i, const Tap& tap) HWY_ATTR {
      distance[at] = Distance<kInfinite>(D(), values.At(i, tap), m);
      e[at] = ScaledExp(D(), &distance[at]);
    };
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const int64_t at = W::kTaps > 0 ? i : 0;
      weigh(at, i, tap);
      weights.Add(i, e[at]);
      products.AddProduct(i, e[at], distance[at]);
    });
    const V<D> one = hn::Set(D(), hn::TFromD<D>{1});
    const V<D> inverse = hn::Div(one, weights.Total());
    // 1 + a_i - y, less the part that differs from tap to tap.
    const V<D> rest = hn::Sub(one, hn::Mul(products.Total(), inverse));
    const V<D> g = window.LoadWindow();
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const int64_t at = W::kTaps > 0 ? i : 0;
      if (W::kTaps == 0) weigh(at, i, tap);
      // The scaled weight comes last to its true size, which may be subnormal.
      V<D> derivative = e[at];
      if (kind == SoftPoolGradient::kExact) {
        derivative = hn::Mul(derivative, hn::Add(rest, distance[at]));
      }
      derivative = hn::Mul(derivative, inverse);
      window.Emit(tap, hn::Mul(g, derivative));
    });
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
