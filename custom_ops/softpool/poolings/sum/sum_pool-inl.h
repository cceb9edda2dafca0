// Sum pooling: y = sum_i a_i.
#if defined(SOFTPOOL_POOLINGS_SUM_SUM_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_SUM_SUM_POOL_INL_H_
#undef SOFTPOOL_POOLINGS_SUM_SUM_POOL_INL_H_
#else
#define SOFTPOOL_POOLINGS_SUM_SUM_POOL_INL_H_
#endif

#include "softpool/poolings/shared/numbers-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
struct SumPoolMath : PoolMath {
  static constexpr int kWindowOutputs = 1;
  static constexpr bool kFewSizes = true;

  explicit SumPoolMath(const Call&) {}

  template <class W>
  HWY_INLINE void Run(const W& window) const {
    RunNumbers(*this, window);
  }

  template <class W, class Numbers>
  HWY_INLINE void Pool(const W& window, const Numbers& numbers) const {
    window.StoreWindow(numbers.Result(numbers.Sum()));
  }
};

// dL/da_i is dL/dy.
template <class C>
struct SumPoolGradMath : PoolMath {
  static constexpr int kWindowInputs = 1, kTapOutputs = 1;
  static constexpr bool kFewSizes = true;

  explicit SumPoolGradMath(const Call&) {}

  template <class W>
  HWY_INLINE void Run(const W& window) const {
    RunNumbers(*this, window);
  }

  template <class W, class Numbers>
  HWY_INLINE void Pool(const W& window, const Numbers& numbers) const {
    const auto g = window.LoadWindow();
    window.ForEach([&](int64_t i, const Tap& tap)
                       HWY_ATTR { window.Emit(tap, numbers.OfTap(i, tap, g)); });
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
