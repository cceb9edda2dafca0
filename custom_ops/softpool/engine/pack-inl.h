// Tensors copied into the order in which kernels are fast, and back. If neighbours in memory are
// not channels of one position, or are too few, no vector can be filled with neighbours. A box of
// positions of several images is then packed: all images and channels of a position lie side by
// side, as kPackedLanes columns.
#if defined(SOFTPOOL_ENGINE_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SOFTPOOL_ENGINE_PACK_INL_H_
#undef SOFTPOOL_ENGINE_PACK_INL_H_
#else
#define SOFTPOOL_ENGINE_PACK_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "softpool/engine/geometry.h"
#include "softpool/engine/tiling.h"
#include "softpool/simd/load_store-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// The columns of packed tensors: the channels of some images, image after image. The last column is
// repeated until kPackedLanes columns are full.
struct PackedColumns {
  Range images;
  int64_t inner;  // channels of an image that lie side by side
  int64_t count;  // columns that are not repetitions
  int64_t channel[kPackedLanes];
  Range channels;  // from the smallest of `channel` to the largest
  // Whether the columns are all channels of their own, one after the other.
  bool consecutive;

  PackedColumns(const PoolGeometry& g, Range images_) : images(images_), inner(g.inner) {
    count = images.Size() * inner;
    for (int64_t i = 0; i < kPackedLanes; ++i) {
      const int64_t column = std::min(i, count - 1);
      channel[i] = (images.begin + column / inner) % g.outer_channels * inner + column % inner;
    }
    const auto ends = std::minmax_element(channel, channel + kPackedLanes);
    channels = {*ends.first, *ends.second + 1};
    consecutive = count == kPackedLanes;
    for (int64_t i = 1; i < kPackedLanes; ++i) {
      consecutive = consecutive && channel[i] == channel[i - 1] + 1;
    }
  }
};

// A box of positions of a tensor, and the same box packed.
struct PackedBox {
  std::array<Range, kAxes> range;
  std::array<int64_t, kAxes> length;  // of the tensor's axes

  int64_t Positions() const { return range[0].Size() * range[1].Size() * range[2].Size(); }
  int64_t Elements() const { return Positions() * kPackedLanes; }
  // The steps between neighbours along each axis of the packed box.
  std::array<int64_t, kAxes> Steps() const {
    return {range[1].Size() * range[2].Size() * kPackedLanes, range[2].Size() * kPackedLanes,
            kPackedLanes};
  }
  // The index of the tensor's first position, which may lie outside the packed box.
  int64_t First() const {
    const std::array<int64_t, kAxes> steps = Steps();
    return -(range[0].begin * steps[0] + range[1].begin * steps[1] + range[2].begin * steps[2]);
  }

  // Calls f(i0, i1, position) for each row of the box along the last axis: where it is along the
  // other axes, and the number of the tensor's position that it starts at.
  template <class F>
  HWY_INLINE void ForEachRow(const F& f) const {
    for (int64_t i0 = range[0].begin; i0 < range[0].end; ++i0) {
      for (int64_t i1 = range[1].begin; i1 < range[1].end; ++i1) {
        f(i0, i1, (i0 * length[1] + i1) * length[2] + range[2].begin);
      }
    }
  }
};

// How values are moved: as numbers, or as the bits of 16-bit types.
template <class T>
using Moved = std::conditional_t<sizeof(T) == 2, uint16_t, T>;

#if HWY_TARGET != HWY_SCALAR
// Loads a vector's blocks of 16 bytes, each from a place of its own: from(kFirst + i) says where
// block i lies.
template <int kFirst, class D, class From>
HWY_INLINE V<D> LoadBlocks(D d, const From& from) {
  constexpr int kBlocks = sizeof(hn::TFromD<D>) * hn::MaxLanes(D()) / 16;
  if constexpr (kBlocks == 1) {
    return hn::LoadU(d, from(kFirst));
  } else {
    const hn::Half<D> dh;
    const auto low = LoadBlocks<kFirst>(dh, from);
    return hn::Combine(d, LoadBlocks<kFirst + kBlocks / 2>(dh, from), low);
  }
}

// The inverse of LoadBlocks(). Where to(i) is null, the block is not stored.
template <int kFirst, class D, class To>
HWY_INLINE void StoreBlocks(D d, V<D> v, const To& to) {
  constexpr int kBlocks = sizeof(hn::TFromD<D>) * hn::MaxLanes(D()) / 16;
  if constexpr (kBlocks == 1) {
    if (to(kFirst) != nullptr) hn::StoreU(v, d, to(kFirst));
  } else {
    const hn::Half<D> dh;
    StoreBlocks<kFirst>(dh, hn::LowerHalf(dh, v), to);
    StoreBlocks<kFirst + kBlocks / 2>(dh, hn::UpperHalf(dh, v), to);
  }
}

// Transposes squares of as many values as a block of 16 bytes has, one square in each block of some
// vectors.
template <class U>
struct Squares {
  // No longer than the packed columns.
  using D = hn::CappedTag<U, kPackedLanes>;
  static constexpr int kSize = 16 / sizeof(U);
  static constexpr int kColumns = hn::MaxLanes(D());

  // Packs kSize positions of kColumns columns: rows[i] is where column i lies.
  static HWY_INLINE void Pack(const U* const* rows, int64_t position, U* packed) {
    V<D> v[kSize];
    Repeat<kSize>([&](auto i) HWY_ATTR {
      v[i.value] = LoadBlocks<0>(
          D(), [&](int block) HWY_ATTR { return rows[block * kSize + i.value] + position; });
    });
    Stages<1>(v);
    Repeat<kSize>([&](auto j)
                      HWY_ATTR { hn::StoreU(v[j.value], D(), packed + j.value * kPackedLanes); });
  }

  // The inverse of Pack(), for the first `count` columns.
  static HWY_INLINE void Unpack(const U* packed, int64_t position, int64_t count, U* const* rows) {
    V<D> v[kSize];
    Repeat<kSize>([&](auto j)
                      HWY_ATTR { v[j.value] = hn::LoadU(D(), packed + j.value * kPackedLanes); });
    Stages<1>(v);
    Repeat<kSize>([&](auto i) HWY_ATTR {
      StoreBlocks<0>(D(), v[i.value], [&](int block) HWY_ATTR {
        const int column = block * kSize + i.value;
        return column < count ? rows[column] + position : nullptr;
      });
    });
  }

 private:
  // Each stage interleaves the first half of the vectors with the second. Everything is unrolled:
  // the compiler would keep vectors that a loop numbers in memory.
  template <int kStage>
  static HWY_INLINE void Stages(V<D>* v) {
    if constexpr (kStage < kSize) {
      V<D> other[kSize];
      Repeat<kSize / 2>([&](auto i) HWY_ATTR {
        other[2 * i.value] = hn::InterleaveLower(D(), v[i.value], v[i.value + kSize / 2]);
        other[2 * i.value + 1] = hn::InterleaveUpper(D(), v[i.value], v[i.value + kSize / 2]);
      });
      Repeat<kSize>([&](auto i) HWY_ATTR { v[i.value] = other[i.value]; });
      Stages<2 * kStage>(v);
    }
  }
};
#endif

// Packs `n` positions of columns that each lie in a row of memory of its own. A few rows are read
// to their end before the next ones: processors then see in what order memory is read.
template <class U>
HWY_INLINE void PackRows(const U* const* rows, int64_t n, U* packed) {
  int64_t squares = 0;
#if HWY_TARGET != HWY_SCALAR
  using S = Squares<U>;
  squares = n / S::kSize * S::kSize;
  for (int64_t column = 0; column < kPackedLanes; column += S::kColumns) {
    for (int64_t p = 0; p < squares; p += S::kSize) {
      S::Pack(rows + column, p, packed + p * kPackedLanes + column);
    }
  }
#endif
  for (int64_t p = squares; p < n; ++p) {
    for (int64_t i = 0; i < kPackedLanes; ++i) packed[p * kPackedLanes + i] = rows[i][p];
  }
}

// The inverse of PackRows(), for the first `count` columns.
template <class U>
HWY_INLINE void UnpackRows(const U* packed, int64_t n, int64_t count, U* const* rows) {
  int64_t squares = 0;
#if HWY_TARGET != HWY_SCALAR
  using S = Squares<U>;
  squares = n / S::kSize * S::kSize;
  for (int64_t column = 0; column < count; column += S::kColumns) {
    for (int64_t p = 0; p < squares; p += S::kSize) {
      S::Unpack(packed + p * kPackedLanes + column, p, count - column, rows + column);
    }
  }
#endif
  for (int64_t p = squares; p < n; ++p) {
    for (int64_t i = 0; i < count; ++i) rows[i][p] = packed[p * kPackedLanes + i];
  }
}

// Packs `n` positions of columns whose channels lie side by side in memory. kInner is the number of
// these channels, if it is common, and zero otherwise.
template <int kInner, class U>
HWY_INLINE void PackChannels(const U* const* rows, const PackedColumns& columns, int64_t n,
                             U* packed) {
  const int64_t inner = kInner > 0 ? kInner : columns.inner;
  for (int64_t p = 0; p < n; ++p, packed += kPackedLanes) {
    for (int64_t c = 0; c < columns.count; c += inner) {
      std::memcpy(packed + c, rows[c] + p * inner, inner * sizeof(U));
    }
    for (int64_t c = columns.count; c < kPackedLanes; ++c) packed[c] = rows[c][p * inner];
  }
}

// The inverse of PackChannels().
template <int kInner, class U>
HWY_INLINE void UnpackChannels(const U* packed, const PackedColumns& columns, int64_t n,
                               U* const* rows) {
  const int64_t inner = kInner > 0 ? kInner : columns.inner;
  for (int64_t p = 0; p < n; ++p, packed += kPackedLanes) {
    for (int64_t c = 0; c < columns.count; c += inner) {
      std::memcpy(rows[c] + p * inner, packed + c, inner * sizeof(U));
    }
  }
}

// Prefetches the rows that follow `rows` if they are short: processors then do not see in what
// order they are read. Long rows are slower with it. Reaching past the end is harmless.
template <class U>
HWY_INLINE void PrefetchRows(U* const* rows, int64_t count, int64_t row_step, int64_t size) {
  constexpr int64_t kLine = 64 / sizeof(U), kShort = 4 * kLine;
  if (size > kShort) return;
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = 0; j < size; j += kLine) {
      hwy::Prefetch(reinterpret_cast<const uint8_t*>(reinterpret_cast<uintptr_t>(rows[i]) +
                                                     (row_step + j) * sizeof(U)));
    }
  }
}

// Calls f with the number of channels that lie side by side, as a constant that is zero unless the
// number is common.
template <class F>
HWY_INLINE void WithInner(int64_t inner, const F& f) {
  switch (inner) {
    case 3:
      return f(std::integral_constant<int, 3>());
    case 4:
      return f(std::integral_constant<int, 4>());
    case 8:
      return f(std::integral_constant<int, 8>());
    default:
      return f(std::integral_constant<int, 0>());
  }
}

// Fills `rows` with where each column of a position of a tensor [images, positions, inner] lies.
template <class U>
HWY_INLINE void FindColumns(U* tensor, const PackedColumns& columns, const PackedBox& box,
                            int64_t position, U** rows) {
  const int64_t inner = columns.inner;
  const int64_t image = box.length[0] * box.length[1] * box.length[2] * inner;
  for (int64_t i = 0; i < kPackedLanes; ++i) {
    const int64_t column = std::min(i, columns.count - 1);
    rows[i] = tensor + (columns.images.begin + column / inner) * image + position * inner +
              column % inner;
  }
  PrefetchRows(rows, columns.count, inner * box.length[2], box.range[2].Size() * inner);
}

// Packs a box of a tensor [images, positions, inner]. Every pooling has this code, so it is not
// compiled once for each of their kernels.
template <class T>
HWY_NOINLINE void Pack(const T* tensor, const PackedColumns& columns, const PackedBox& box,
                       T* packed) {
  using U = Moved<T>;
  U* to = reinterpret_cast<U*>(packed);
  const int64_t n = box.range[2].Size();
  const U* rows[kPackedLanes];
  box.ForEachRow([&](int64_t, int64_t, int64_t position) HWY_ATTR {
    FindColumns(reinterpret_cast<const U*>(tensor), columns, box, position, rows);
    if (columns.inner == 1) {
      PackRows(rows, n, to);
    } else {
      WithInner(columns.inner,
                [&](auto inner) HWY_ATTR { PackChannels<inner.value>(rows, columns, n, to); });
    }
    to += n * kPackedLanes;
  });
}

// The inverse of Pack(), for the positions in `wanted`.
template <class T>
HWY_NOINLINE void Unpack(const T* packed, const PackedColumns& columns, const PackedBox& box,
                         const std::array<Range, kAxes>& wanted, T* tensor) {
  using U = Moved<T>;
  const U* source = reinterpret_cast<const U*>(packed) + box.First();
  const std::array<int64_t, kAxes> steps = box.Steps();
  const int64_t n = wanted[2].Size();
  U* rows[kPackedLanes];
  const PackedBox part{wanted, box.length};
  part.ForEachRow([&](int64_t i0, int64_t i1, int64_t position) HWY_ATTR {
    FindColumns(reinterpret_cast<U*>(tensor), columns, part, position, rows);
    const U* from = source + i0 * steps[0] + i1 * steps[1] + wanted[2].begin * steps[2];
    if (columns.inner == 1) {
      UnpackRows(from, n, columns.count, rows);
    } else {
      WithInner(columns.inner,
                [&](auto inner) HWY_ATTR { UnpackChannels<inner.value>(from, columns, n, rows); });
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
