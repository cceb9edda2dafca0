// A block's work on large windows: it loads one, sorts it, weighs it, and sends gradients back.
#ifndef SOFTPOOL_POOLINGS_SORTED_LARGE_WINDOW_H_
#define SOFTPOOL_POOLINGS_SORTED_LARGE_WINDOW_H_

#include "softpool/cuda/thread_map.h"
#include "softpool/cuda/sums.h"
#include "softpool/cuda/windows.h"
#include "softpool/poolings/sorted/device_ranks.h"

namespace softpool {
namespace HWY_NAMESPACE {

// The softmax of the first logits of any number, for windows whose tables would be too large: for
// each number of ranks, the largest logit, the first rank that has it, and the sum of all
// exponentials over its own.
struct SoftmaxPrefixes {
  double* largest;  // each [ranks, columns]
  double* total;
  int64_t* heaviest;
  int64_t columns;
};

// A thread makes those of one channel.
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
        // Equal infinities share the weight.
        total += w == largest ? 1.0 : std::exp(w - largest);
      }
      prefixes.largest[r * prefixes.columns + c] = largest;
      prefixes.total[r * prefixes.columns + c] = total;
      prefixes.heaviest[r * prefixes.columns + c] = heaviest;
    }
  }
};

// One stage of the network of sorting_network.h, whose comparators share no value. They compare i
// and i + distance for those i with (i & p) == r.
struct Stage {
  int64_t p = 0, r = 0, distance = 0;

  // The stage of this number for so many values; none, with p = 0, if there are fewer stages.
  SOFTPOOL_HOST_DEVICE Stage(int64_t count, int64_t number) {
    int64_t top = 1;
    while (2 * top < count) top *= 2;
    int64_t passed = 0, log2 = 0;
    for (p = top; p > 0; p /= 2) {
      // For this p, q goes from top down to p.
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
  T* y = nullptr;               // values, or else gradients are wanted:
  const T* gradient = nullptr;  // that of y
  T* x_gradient = nullptr;
  C* x_sums = nullptr;  // in its place where windows share inputs
  PositionMap positions;
  int64_t first[kAxes] = {}, apart[kAxes] = {};  // which windows there are along each axis
  int64_t first_channel = 0;
  Ranked<C>* ranked = nullptr;  // [blocks, taps]
  BlockSums sums;

  // A number for each thread of a block.
  struct Shared {
    double sum[kThreads];
    int64_t present[kThreads];  // how many values there are above -inf
    int64_t nan[kThreads];
  };
  static constexpr size_t kSharedBytes = sizeof(Shared);

  // For each window a phase for each stage and three more: loading, weighing, sending.
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
      // Channels are those that images are made of, or consecutive.
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

  // What is known of a window once all its values are there: -inf is as if it were not there,
  // unless there is nothing else.
  struct Weights {
    bool nan, nothing;
    int64_t ranks;  // that are kept
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

  // How far a rank's value is from that of the largest weight, which costs neither an offset common
  // to all nor an outlier of little weight its digits.
  SOFTPOOL_HOST_DEVICE double Distance(const Window& window, const Weights& weights,
                                       int64_t rank) const {
    const int64_t at = (weights.ranks - 1) * prefixes.columns + weights.column;
    const double from = static_cast<double>(window.ranked[prefixes.heaviest[at]].value);
    const double value = static_cast<double>(window.ranked[rank].value);
    return value == from ? 0.0 : value - from;
  }

  // Each thread adds up some ranks: p_r a_(r), or p_r times the distance.
  SOFTPOOL_HOST_DEVICE void Weigh(const Window& window, const Weights& weights,
                                  const Thread& t) const {
    // So that minus zero stays what it is.
    double sum = -0.0;
    // What weights that are no softmax get needs no mean.
    if (y == nullptr && !logits.softmax) return;
    for (int64_t r = t.index; r < weights.ranks; r += t.count) {
      const double weight = static_cast<double>(WeightOf(weights, r));
      if (weight == 0) continue;
      sum += weight * (y != nullptr ? static_cast<double>(window.ranked[r].value)
                                    : Distance(window, weights, r));
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

  // A NaN in the window is sent to all of it.
  SOFTPOOL_HOST_DEVICE void Send(const Window& window, const Weights& weights,
                                 const Thread& t) const {
    constexpr C kNaN = std::numeric_limits<C>::quiet_NaN();
    const double mean = logits.softmax ? Total(t) : 0;
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
        *sum += static_cast<double>(weight) * static_cast<double>(g) *
                (Distance(window, weights, r) - mean);
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
