// Stochastic pooling: a value of the window, drawn with probability p_i = relu(a_i) / sum_j
// relu(a_j), or the expectation sum_i p_i a_i. In a window without positive values, all values are
// equally likely. Source: M. D. Zeiler, R. Fergus, "Stochastic pooling for regularization of deep
// convolutional neural networks".
#if defined(SOFTPOOL_POOLINGS_STOCHASTIC_STOCHASTIC_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_POOLINGS_STOCHASTIC_STOCHASTIC_POOL_INL_H_
#undef SOFTPOOL_POOLINGS_STOCHASTIC_STOCHASTIC_POOL_INL_H_
#else
#define SOFTPOOL_POOLINGS_STOCHASTIC_STOCHASTIC_POOL_INL_H_
#endif

#include "softpool/poolings/shared/numbers-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// The weights of a window's values, which are in proportion to their probabilities: relu(a_i)
// divided by the largest of them, or one if there are no positive values.
template <class W, class Numbers>
struct DrawWeights {
  using D = typename W::D;
  using C = hn::TFromD<D>;

  const Numbers& numbers;
  V<D> largest;  // of the positive values, or one
  M<D> some;     // whether there are positive values

  HWY_INLINE DrawWeights(const W&, const Numbers& numbers) : numbers(numbers) {
    const V<D> positive = Larger(D(), numbers.Largest(), hn::Zero(D()));
    some = hn::Gt(positive, hn::Zero(D()));
    largest = hn::IfThenElse(some, positive, hn::Set(D(), C{1}));
  }

  HWY_INLINE V<D> Of(int64_t i, const Tap& tap) const {
    const V<D> positive = Larger(D(), numbers.At(i, tap), hn::Zero(D()));
    const V<D> one = numbers.OfNumber(i, tap, hn::Set(D(), C{1}));
    return hn::IfThenElse(some, hn::Div(positive, largest), one);
  }
};

// The sums of a window's weights and of their squares.
template <class D>
struct WeightSums {
  V<D> weights, squares;

  template <class W, class Weights>
  HWY_INLINE WeightSums(const W& window, const Weights& of) {
    TapSum<D, W::kTaps == 0> sum, sum_of_squares;
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const V<D> w = of.Of(i, tap);
      sum.Add(i, w);
      sum_of_squares.AddProduct(i, w, w);
    });
    weights = sum.Total();
    squares = sum_of_squares.Total();
  }
};

template <class C>
struct ExpectationMath : PoolMath {
  static constexpr int kWindowOutputs = 1;
  static constexpr bool kFewSizes = true;

  explicit ExpectationMath(const Call&) {}

  template <class W>
  HWY_INLINE void Run(const W& window) const {
    RunNumbers(*this, window);
  }

  // The values are the largest one times their weights, so no product overflows.
  template <class W, class Numbers>
  HWY_INLINE void Pool(const W& window, const Numbers& numbers) const {
    using D = typename W::D;
    const DrawWeights<W, Numbers> weights(window, numbers);
    const WeightSums<D> sums(window, weights);
    const V<D> y = hn::Mul(weights.largest, hn::Div(sums.squares, sums.weights));
    window.StoreWindow(numbers.Result(hn::IfThenElse(weights.some, y, numbers.Mean())));
  }
};

// With weights w_i and g = dL/dy, dL/da_i = g (2 w_i - sum_j w_j^2 / sum_j w_j) / sum_j w_j for
// positive values, and zero for the others.
template <class C>
struct ExpectationGradMath : PoolMath {
  static constexpr int kWindowInputs = 1, kTapOutputs = 1;
  static constexpr int kCyclesPerTap = 2;
  static constexpr bool kFewSizes = true;

  explicit ExpectationGradMath(const Call&) {}

  template <class W>
  HWY_INLINE void Run(const W& window) const {
    RunNumbers(*this, window);
  }

  template <class W, class Numbers>
  HWY_INLINE void Pool(const W& window, const Numbers& numbers) const {
    using D = typename W::D;
    const DrawWeights<W, Numbers> weights(window, numbers);
    const WeightSums<D> sums(window, weights);
    const V<D> ratio = hn::Div(sums.squares, sums.weights);
    const V<D> share = hn::Div(window.LoadWindow(), sums.weights);
    window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
      const V<D> w = weights.Of(i, tap);
      V<D> to_tap = hn::Mul(share, hn::Sub(hn::Add(w, w), ratio));
      // The weight of a positive value may be rounded to zero.
      to_tap = hn::IfThenElseZero(hn::Gt(numbers.At(i, tap), hn::Zero(D())), to_tap);
      // Without positive values, the result is the mean, and the weights add up to their number.
      to_tap = hn::IfThenElse(weights.some, to_tap, share);
      window.Emit(tap, numbers.OfTap(i, tap, to_tap));
    });
  }
};

// Calls f(index, tap, is_drawn) for each tap of a window: the drawn tap is the first whose weight,
// together with those before it, exceeds the draw's share of all weights.
template <class W, class Numbers, class F>
HWY_INLINE void ForEachDrawn(const W& window, const Numbers& numbers, const F& f) {
  using D = typename W::D;
  const DrawWeights<W, Numbers> weights(window, numbers);
  V<D> total = hn::Zero(D());
  window.ForEach([&](int64_t i, const Tap& tap)
                     HWY_ATTR { total = hn::Add(total, weights.Of(i, tap)); });
  const V<D> threshold = hn::Mul(window.LoadDraw(), total);
  V<D> until = hn::Zero(D());
  M<D> found = hn::Lt(total, hn::Zero(D()));  // nowhere
  window.ForEach([&](int64_t i, const Tap& tap) HWY_ATTR {
    const V<D> w = weights.Of(i, tap);
    until = hn::Add(until, w);
    const auto likely = hn::And(hn::Gt(w, hn::Zero(D())), hn::Gt(until, threshold));
    const auto drawn = hn::And(likely, hn::Not(found));
    found = hn::Or(found, likely);
    f(i, tap, drawn);
  });
}

template <class C>
struct DrawMath : PoolMath {
  static constexpr int kWindowOutputs = 1;
  static constexpr int kCyclesPerTap = 2;
  static constexpr bool kFewSizes = true;
  static constexpr bool kDraws = true;

  explicit DrawMath(const Call&) {}

  template <class W>
  HWY_INLINE void Run(const W& window) const {
    RunNumbers(*this, window);
  }

  template <class W, class Numbers>
  HWY_INLINE void Pool(const W& window, const Numbers& numbers) const {
    using D = typename W::D;
    V<D> y = hn::Zero(D());
    ForEachDrawn(window, numbers, [&](int64_t i, const Tap& tap, M<D> drawn) HWY_ATTR {
      y = hn::IfThenElse(drawn, numbers.At(i, tap), y);
    });
    window.StoreWindow(numbers.Result(y));
  }
};

// The gradient goes to the drawn value.
template <class C>
struct DrawGradMath : PoolMath {
  static constexpr int kWindowInputs = 1, kTapOutputs = 1;
  static constexpr int kCyclesPerTap = 2;
  static constexpr bool kFewSizes = true;
  static constexpr bool kDraws = true;

  explicit DrawGradMath(const Call&) {}

  template <class W>
  HWY_INLINE void Run(const W& window) const {
    RunNumbers(*this, window);
  }

  template <class W, class Numbers>
  HWY_INLINE void Pool(const W& window, const Numbers& numbers) const {
    using D = typename W::D;
    const V<D> g = window.LoadWindow();
    ForEachDrawn(window, numbers, [&](int64_t i, const Tap& tap, M<D> drawn) HWY_ATTR {
      window.Emit(tap, numbers.OfTap(i, tap, hn::IfThenElseZero(drawn, g)));
    });
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
