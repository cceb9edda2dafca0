// Where the lanes of a vector lie in memory: side by side, or anywhere.
#if defined(TF_SOFTPOOL_KERNELS_ADDRESSES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_ADDRESSES_INL_H_
#undef TF_SOFTPOOL_KERNELS_ADDRESSES_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_ADDRESSES_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// Processors find it hard to see ahead in as many rows as a window has. Reaching past the end is
// harmless.
HWY_INLINE void Prefetch(const void* p) {
  constexpr uintptr_t kAhead = 2048;
  hwy::Prefetch(reinterpret_cast<const uint8_t*>(reinterpret_cast<uintptr_t>(p) + kAhead));
}

// Lanes that lie side by side in memory: consecutive channels of one window. Of the first `skip` a
// neighbouring vector has taken care, so nothing may be added for them.
template <class D>
struct ConsecutiveLanes {
  int64_t in = 0, out = 0, target = 0, channel = 0;
  size_t skip = 0;

  template <class T>
  HWY_INLINE V<D> LoadTap(D d, const T* p, int64_t offset) const {
    Prefetch(p + in + offset);
    return LoadAs(d, p + in + offset);
  }
  template <class T>
  HWY_INLINE V<D> LoadWindow(D d, const T* p) const {
    return LoadAs(d, p + out);
  }
  template <class T>
  HWY_INLINE void StoreWindow(D d, V<D> v, T* p) const {
    StoreAs(d, v, p + out);
  }
  template <class T>
  HWY_INLINE void StoreTap(D d, V<D> v, T* p, int64_t offset) const {
    Prefetch(p + target + offset);
    StoreAs(d, v, p + target + offset);
  }
  template <class C>
  HWY_INLINE void AddTap(D d, V<D> v, C* p, int64_t offset) const {
    p += target + offset;
    const auto before = hn::LoadU(d, p);
    const auto after = hn::Add(before, v);
    hn::StoreU(skip ? hn::IfThenElse(hn::FirstN(d, skip), before, after) : after, d, p);
  }

  template <class C>
  HWY_INLINE V<D> LoadChannel(D d, const C* p) const {
    return hn::LoadU(d, p + channel);
  }
  template <class C>
  HWY_INLINE void AddChannel(D d, V<D> v, C* sums) const {
    if (skip) v = hn::IfThenZeroElse(hn::FirstN(d, skip), v);
    hn::StoreU(hn::Add(hn::LoadU(d, sums + channel), v), d, sums + channel);
  }

  // The lanes that are this vector's own, and one of them.
  size_t BeginLane() const { return skip; }
  size_t EndLane(D d) const { return hn::Lanes(d); }
  int64_t In(size_t lane) const { return in + static_cast<int64_t>(lane); }
  int64_t Out(size_t lane) const { return out + static_cast<int64_t>(lane); }
  int64_t Target(size_t lane) const { return target + static_cast<int64_t>(lane); }
  int64_t Channel(size_t lane) const { return channel + static_cast<int64_t>(lane); }
};

// Lanes from anywhere: windows or channels too few to fill a vector, or that lie apart. Those past
// `count` repeat the first, and nothing is stored for them.
template <class D>
struct ScatteredLanes {
  static constexpr size_t kMost = HWY_MAX_BYTES / sizeof(hn::TFromD<D>);
  size_t count = 0;
  int64_t in[kMost], out[kMost], target[kMost], channel[kMost];

  HWY_INLINE void RepeatFirst(D d) {
    for (size_t i = count; i < hn::Lanes(d); ++i) {
      in[i] = in[0];
      out[i] = out[0];
      channel[i] = channel[0];
    }
  }

  template <class T>
  HWY_INLINE V<D> Gather(D d, const T* p, const int64_t* base) const {
    HWY_ALIGN T lane[kMost];
    for (size_t i = 0; i < hn::Lanes(d); ++i) lane[i] = p[base[i]];
    return LoadAs(d, lane);
  }
  template <class T>
  HWY_INLINE V<D> LoadTap(D d, const T* p, int64_t offset) const {
    return Gather(d, p + offset, in);
  }
  template <class T>
  HWY_INLINE V<D> LoadWindow(D d, const T* p) const {
    return Gather(d, p, out);
  }
  template <class T>
  HWY_INLINE void Scatter(D d, V<D> v, T* p, const int64_t* base) const {
    HWY_ALIGN T lane[kMost];
    StoreAs(d, v, lane);
    for (size_t i = 0; i < count; ++i) p[base[i]] = lane[i];
  }
  template <class T>
  HWY_INLINE void StoreWindow(D d, V<D> v, T* p) const {
    Scatter(d, v, p, out);
  }
  template <class T>
  HWY_INLINE void StoreTap(D d, V<D> v, T* p, int64_t offset) const {
    Scatter(d, v, p + offset, target);
  }
  template <class C>
  HWY_INLINE void AddTap(D d, V<D> v, C* p, int64_t offset) const {
    HWY_ALIGN C lane[kMost];
    hn::Store(v, d, lane);
    for (size_t i = 0; i < count; ++i) p[target[i] + offset] += lane[i];
  }

  template <class C>
  HWY_INLINE V<D> LoadChannel(D d, const C* p) const {
    return Gather(d, p, channel);
  }
  template <class C>
  HWY_INLINE void AddChannel(D d, V<D> v, C* sums) const {
    HWY_ALIGN C lane[kMost];
    hn::Store(v, d, lane);
    for (size_t i = 0; i < count; ++i) sums[channel[i]] += lane[i];
  }

  size_t BeginLane() const { return 0; }
  size_t EndLane(D) const { return count; }
  int64_t In(size_t lane) const { return in[lane]; }
  int64_t Out(size_t lane) const { return out[lane]; }
  int64_t Target(size_t lane) const { return target[lane]; }
  int64_t Channel(size_t lane) const { return channel[lane]; }
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
