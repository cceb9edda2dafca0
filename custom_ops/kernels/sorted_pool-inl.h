// The mathematics of sorted-weight pooling in windows of few values.
#if defined(TF_SOFTPOOL_KERNELS_SORTED_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_SORTED_POOL_INL_H_
#undef TF_SOFTPOOL_KERNELS_SORTED_POOL_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_SORTED_POOL_INL_H_
#endif

#include "kernels/host_device.h"
#include "kernels/pool_math.h"
#include "kernels/sorting-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// y = sum_r p_r a_(r), added up in the ranks' order, for windows whose size the compiler knows.
template <class C, class Weights>
struct SortedPoolFew : PoolMath {
  static constexpr int kWindowOutputs = 1;
  static constexpr bool kUsesChannels = true;

  Weights weights;

  SOFTPOOL_HOST_DEVICE explicit SortedPoolFew(const Weights& weights) : weights(weights) {}

  // Calls by_the_book(window, done) if that is not right for all lanes.
  template <class W, class F>
  HWY_INLINE void RunFew(const W& window, const F& by_the_book) {
    using D = typename W::D;
    V<D> a[W::kTaps];
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR { a[i] = window.Load(tap); });
    const int64_t ranks = HWY_MIN(W::kTaps, weights.Ranks());
    Select<W::kTaps>(D(), a, ranks);
    const C* p = weights.Of(ranks);
    V<D> y = hn::Mul(window.LoadChannel(p), a[0]);
    V<D> check;
    if (HWY_LIKELY(ranks == W::kTaps)) {
      for (int r = 1; r < W::kTaps; ++r) y = AddRank(window, p, r, a[r], y);
      check = y;
    } else {
      for (int r = 1; r < W::kTaps; ++r) {
        if (r < ranks) y = AddRank(window, p, r, a[r], y);
      }
      check = y;
      for (int r = 1; r < W::kTaps; ++r) check = Check(D(), a[r], check);
    }
    window.StoreWindow(y);
    const auto finite = hn::IsFinite(check);
    if (HWY_UNLIKELY(!hn::AllTrue(D(), finite))) by_the_book(window.AnySize(), finite);
  }

  template <class W>
  HWY_INLINE V<typename W::D> AddRank(const W& window, const C* p, int64_t r, V<typename W::D> a,
                                      V<typename W::D> sum) const {
    return MulAdd(typename W::D(), window.LoadChannel(p + r * weights.Channels()), a, sum);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
