// The work of a block of threads on large windows. The block loads, sorts and weighs a window, then
// stores the value or sends gradients back.
#ifndef SOFTPOOL_POOLINGS_SORTED_LARGE_WINDOW_H_
#define SOFTPOOL_POOLINGS_SORTED_LARGE_WINDOW_H_

#include "softpool/cuda/thread_map.h"
#include "softpool/cuda/sums.h"
#include "softpool/cuda/windows.h"
#include "softpool/poolings/sorted/device_ranks.h"

namespace softpool {
namespace HWY_NAMESPACE {

// The softmax of the first n logits for each n, for windows whose tables of weights would be too
// large. For each n, there is the largest logit, the first rank that has it, and the sum of all
// exponentials, divided by the exponential of the largest logit.
struct SoftmaxPrefixes {
  double* largest;  // this and the next two are [ranks, columns]
  double* total;
  int64_t* heaviest;
  int64_t columns;
};

// Computes SoftmaxPrefixes. A thread computes one column.
template <class C>
struct SoftmaxPrefixesProgram {
  RankLogits<C> logits;
  SoftmaxPrefixes prefixes;

  SOFTPOOL_HOST_DEVICE int64_t Phases(const Thread&) const { return 1; }

  SOFTPOOL_HOST_DEVICE void Run(int64_t, const Thread& t) const {
    const int64_t c = t.group * t.count + t.index;
    if (c >= prefixes.columns) return;
    double largest = -std::numeric_limits<double>::infinity(), total = 0;
    int64_t heaviest = 0;
    for (int64_t r = 0; r < logits.ranks; ++r) {
      const double w = static_cast<double>(logits.At(r, c));
      if (w > largest) {
        total = total * std::exp(largest - w) + 1;
        largest = w;
        heaviest = r;
      } else {
        // Infinite logits that are equal share the weight.
        total += w == largest ? 1.0 : std::exp(w - largest);
      }
      prefixes.largest[r * prefixes.columns + c] = largest;
      prefixes.total[r * prefixes.columns + c] = total;
      prefixes.heaviest[r * prefixes.columns + c] = heaviest;
    }
  }
};

// One stage of the network in sorting_network.h. The comparators of a stage share no value: they
// compare i and i + distance for each i with (i & p) == r.
struct Stage {
  int64_t p = 0, r = 0, distance = 0;

  // Makes stage `number` of the network for `count` values. If there are fewer stages, p is 0.
  SOFTPOOL_HOST_DEVICE Stage(int64_t count, int64_t number) {
    int64_t top = 1;
    while (2 * top < count) top *= 2;
    int64_t passed = 0, log2 = 0;
    for (p = top; p > 0; p /= 2) {
      // For this p, the q of MergeExchange() goes from top down to p, with one stage for each q.
      const int64_t stages = 1 + log2++;
      if (number < passed + stages) break;
      passed += stages;
    }
    if (count < 2 || p == 0) {
      p = 0;
      return;
    }
    const int64_t index = number - passed;
    r = index == 0 ? 0 : p;
    distance = index == 0 ? p : (top >> (index - 1)) - p;
  }
};

inline int64_t Stages(int64_t count) {
  int64_t stages = 0;
  while (Stage(count, stages).p > 0) ++stages;
  return stages;
}

template <class T>
struct LargeWindows {
  using C = ComputeType<T>;

  LargeWindows(const PoolGeometry& g, const RankLogits<C>& logits)
      : geometry(g), logits(logits), taps(g.LargestWindow()), stages(Stages(taps)) {}

  PoolGeometry geometry;
  RankLogits<C> logits;
  int64_t taps, stages;  // of the largest window
  SoftmaxPrefixes prefixes = {};
  const T* x = nullptr;
  T* y = nullptr;               // null if gradients are wanted instead of values
  const T* gradient = nullptr;  // the gradient of y
  T* x_gradient = nullptr;
  C* x_sums = nullptr;  // used instead of x_gradient if windows share inputs
  PositionMap positions;
  // Along each axis, the first window of this launch and the distance to the next one.
  int64_t first[kAxes] = {}, apart[kAxes] = {};
  int64_t first_channel = 0;
  Ranked<C>* ranked = nullptr;  // [blocks, taps]
  BlockSums sums;

  // Shared memory: one number of each sort for each thread of a block.
  struct Shared {
    double sum[kThreads];
    int64_t present[kThreads];  // the number of values above -inf
    int64_t nan[kThreads];
  };
  static constexpr size_t kSharedBytes = sizeof(Shared);

  // Each window takes one phase for each stage of sorting and three more: to load, to weigh, and to
  // store or send back.
  SOFTPOOL_HOST_DEVICE int64_t Phases(const Thread& t) const {
    return (positions.count - t.slice + t.slices - 1) / t.slices * (stages + 3);
  }

  SOFTPOOL_HOST_DEVICE void Run(int64_t phase, const Thread& t) const {
    const Window window(*this, t, t.slice + phase / (stages + 3) * t.slices);
    const int64_t step = phase % (stages + 3);
    if (step == 0) return Load(window, t);
    if (step <= stages) return Sort(window, t, step - 1);
    const Weights weights(*this, window, t);
    if (step == stages + 1) return Weigh(window, weights, t);
    y != nullptr ? Store(window, weights, t) : Send(window, weights, t);
  }

 private:
  struct Window {
    Place place;
    TapBox box;
    int64_t taps;
    Ranked<C>* ranked;

    SOFTPOOL_HOST_DEVICE Window(const LargeWindows& all, const Thread& t, int64_t item) {
      const PoolGeometry& g = all.geometry;
      const PositionMap::Position p = all.positions.At(item);
      int64_t o[kAxes];
      for (int i = 0; i < kAxes; ++i) o[i] = all.first[i] + p.at[i] * all.apart[i];
      // With channels first, the channel is an outer index. With channels last, it is the inner
      // one.
      ChannelMap::Own own{};
      own.channel = all.first_channel + t.group;
      (g.outer_channels > 1 ? own.outer : own.inner) = own.channel;
      place = PlaceAt(g, own, g.outer_channels, p.image, o);
      box = BoxAt(g, g.InputSteps(), o);
      taps = box.Total();
      ranked = all.ranked + (t.group * t.slices + t.slice) * all.taps;
    }
    SOFTPOOL_HOST_DEVICE int64_t Offset(int64_t tap) const {
      const int64_t k = tap % box.count[2], rows = tap / box.count[2];
      return place.in + rows / box.count[1] * box.step[0] + rows % box.count[1] * box.step[1] +
             k * box.step[2];
    }
  };

  SOFTPOOL_HOST_DEVICE static Shared& SharedOf(const Thread& t) {
    return *static_cast<Shared*>(t.shared);
  }

  SOFTPOOL_HOST_DEVICE void Load(const Window& window, const Thread& t) const {
    int64_t present = 0, nan = 0;
    for (int64_t i = t.index; i < window.taps; i += t.count) {
      const C value = LoadOne(x + window.Offset(i));
      window.ranked[i] = {value, i};
      nan += value != value;
      present += value > -std::numeric_limits<C>::infinity();
    }
    SharedOf(t).present[t.index] = present;
    SharedOf(t).nan[t.index] = nan;
  }

  SOFTPOOL_HOST_DEVICE void Sort(const Window& window, const Thread& t, int64_t number) const {
    const Stage stage(window.taps, number);
    if (stage.p == 0) return;
    for (int64_t i = t.index; i < window.taps - stage.distance; i += t.count) {
      if ((i & stage.p) != stage.r) continue;
      const Ranked<C> a = window.ranked[i], b = window.ranked[i + stage.distance];
      if (!IsBefore(b, a)) continue;
      window.ranked[i] = b;
      window.ranked[i + stage.distance] = a;
    }
  }

  // What is known about a window once all its values are loaded. Values of -inf are left out,
  // unless the window has no other values.
  struct Weights {
    bool nan, nothing;
    int64_t ranks;  // the number of ranks that are kept
    int64_t channel, column;

    SOFTPOOL_HOST_DEVICE Weights(const LargeWindows& all, const Window& window, const Thread& t)
        : channel(window.place.channel), column(all.logits.per_channel ? channel : 0) {
      int64_t present = 0, nans = 0;
      for (int i = 0; i < t.count; ++i) {
        present += SharedOf(t).present[i];
        nans += SharedOf(t).nan[i];
      }
      nan = nans > 0;
      nothing = present == 0;
      ranks = nothing ? window.taps : present;
      if (ranks > all.logits.ranks) ranks = all.logits.ranks;
    }
  };

  SOFTPOOL_HOST_DEVICE C WeightOf(const Weights& weights, int64_t rank) const {
    const C logit = logits.At(rank, weights.channel);
    if (!logits.softmax) return logit;
    const int64_t at = (weights.ranks - 1) * prefixes.columns + weights.column;
    const double w = static_cast<double>(logit);
    const double distance = w == prefixes.largest[at] ? 0.0 : w - prefixes.largest[at];
    return static_cast<C>(std::exp(distance) / prefixes.total[at]);
  }

  // Returns the distances of a window's values from the value with the largest weight. Computing
  // with distances keeps digits that an offset common to all values, or an outlier of little
  // weight, would cost. Values, and weights that are no softmax, need no distances.
  SOFTPOOL_HOST_DEVICE Distances DistancesIn(const Window& window, const Weights& weights) const {
    if (y != nullptr || !logits.softmax) return Distances(0, 0, 0);
    const int64_t at = (weights.ranks - 1) * prefixes.columns + weights.column;
    const auto value = [&](int64_t r) { return static_cast<double>(window.ranked[r].value); };
    return Distances(value(prefixes.heaviest[at]), value(0), value(weights.ranks - 1));
  }

  // Each thread adds up some ranks' terms: p_r a_(r) or, for gradients, p_r times the distance.
  SOFTPOOL_HOST_DEVICE void Weigh(const Window& window, const Weights& weights,
                                  const Thread& t) const {
    // The sum starts with minus zero, because 0.0 would turn a result of minus zero into zero.
    double sum = -0.0;
    // The gradients of weights that are no softmax need no mean.
    if (y == nullptr && !logits.softmax) return;
    const Distances distances = DistancesIn(window, weights);
    for (int64_t r = t.index; r < weights.ranks; r += t.count) {
      const double weight = static_cast<double>(WeightOf(weights, r));
      if (weight == 0) continue;
      const double value = static_cast<double>(window.ranked[r].value);
      sum += weight * (y != nullptr ? value : distances.Of(value));
    }
    SharedOf(t).sum[t.index] = sum;
  }

  SOFTPOOL_HOST_DEVICE static double Total(const Thread& t) {
    double total = -0.0;
    for (int i = 0; i < t.count; ++i) total += SharedOf(t).sum[i];
    return total;
  }

  SOFTPOOL_HOST_DEVICE void Store(const Window& window, const Weights& weights,
                                  const Thread& t) const {
    if (t.index > 0) return;
    C value = static_cast<C>(Total(t));
    if (weights.nothing) value = -std::numeric_limits<C>::infinity();
    if (weights.nan) value = std::numeric_limits<C>::quiet_NaN();
    StoreOne(value, y + window.place.out);
  }

  // Sends the gradients back. A NaN in the window makes all of its gradients NaN.
  SOFTPOOL_HOST_DEVICE void Send(const Window& window, const Weights& weights,
                                 const Thread& t) const {
    constexpr C kNaN = std::numeric_limits<C>::quiet_NaN();
    const double mean = logits.softmax ? Total(t) : 0;
    const Distances distances = DistancesIn(window, weights);
    const C g = LoadOne(gradient + window.place.out);
    for (int64_t r = t.index; r < window.taps; r += t.count) {
      const bool kept = r < weights.ranks;
      const C weight = kept ? WeightOf(weights, r) : C{0};
      Emit(window.Offset(window.ranked[r].index), weights.nan ? kNaN : kept ? g * weight : C{0});
      if (r >= sums.rows) continue;
      double* sum = sums.partial + (t.slice * sums.rows + r) * sums.channels + weights.channel;
      if (weights.nan) {
        *sum = static_cast<double>(kNaN);
      } else if (kept && !weights.nothing && !logits.softmax) {
        *sum += static_cast<double>(g * window.ranked[r].value);
      } else if (kept && !weights.nothing && weight != 0) {
        const double distance = distances.Of(static_cast<double>(window.ranked[r].value)) - mean;
        *sum += static_cast<double>(weight) * static_cast<double>(g) * distance * distances.unit;
      }
    }
  }
  SOFTPOOL_HOST_DEVICE void Emit(int64_t at, C value) const {
    if (x_sums != nullptr) {
      x_sums[at] += value;
    } else {
      StoreOne(value, x_gradient + at);
    }
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool

#endif  // SOFTPOOL_POOLINGS_SORTED_LARGE_WINDOW_H_
