// Fuzzes the geometry alone: any shape and any attributes. Whatever they are, nothing overflows. If
// they are valid, windows lie where the rules of the paddings say, and the partitions of small
// tensors cover everything once.
#include "softpool/engine/geometry.h"

#include <algorithm>
#include <vector>

#include "bytes.h"
#include "softpool/engine/tiling.h"

namespace softpool {
namespace {

// Returns a small size, or rarely any that fits.
int64_t Size(Bytes* bytes) {
  const int64_t kind = bytes->Below(16);
  if (kind == 15) return bytes->Whole();
  if (kind == 14) return bytes->Whole() & 0x7FFFFFFF;
  if (kind == 13) return bytes->Below(256) * 256 + bytes->Below(256);
  return bytes->Below(24);
}

// Returns whether a tensor can have this shape. TensorFlow counts elements from the left, so
// enormous sizes may follow a zero.
bool IsCountable(const std::vector<int64_t>& dims) {
  int64_t product = 1;
  for (int64_t n : dims) {
    if (n < 0 || __builtin_mul_overflow(product, n, &product)) return false;
  }
  return true;
}

void CheckWindow(const PoolAxis& a, int64_t o, bool around) {
  Check(a.Begin(o) >= 0 && a.End(o) <= a.in, "a window is not inside the input");
  Check(around || a.Begin(o) < a.End(o), "a window has no position");
  Check(a.End(o) - a.Begin(o) <= a.window, "a window is larger than it says");
  if (o == 0) return;
  Check(a.Begin(o - 1) <= a.Begin(o) && a.End(o - 1) <= a.End(o), "windows are not in order");
}

void CheckAxis(const PoolAxis& a, bool around, Bytes* bytes) {
  if (a.out == 0) return;
  const bool is_small = a.out <= 64 && a.in <= 64;
  if (!is_small) {
    for (int64_t o : {int64_t{0}, a.out / 3, a.out / 2, a.out - 1}) CheckWindow(a, o, around);
    return;
  }
  for (int64_t o = 0; o < a.out; ++o) CheckWindow(a, o, around);
  const int64_t begin = bytes->Below(a.in), end = begin + 1 + bytes->Below(a.in - begin);
  const Range reaching = WindowsReaching(a, {begin, end});
  for (int64_t o = 0; o < a.out; ++o) {
    const bool reaches = a.Begin(o) < end && a.End(o) > begin && a.Begin(o) < a.End(o);
    const bool is_named = o >= reaching.begin && o < reaching.end;
    Check(around ? is_named || !reaches : is_named == reaches, "the wrong windows reach a part");
  }
  for (int64_t i = 0; i < a.in; ++i) {
    int64_t covering = 0;
    for (int64_t o = 0; o < a.out; ++o) covering += i >= a.Begin(o) && i < a.End(o);
    Check(covering <= a.MostCovering(), "more windows cover a position than MostCovering() says");
    Check(covering <= 1 || a.Overlaps(), "windows overlap, but Overlaps() says no");
    if (!a.Overlaps() && !around) {
      Check(a.Covers(i) == (covering == 1), "Covers() is wrong");
      Check(covering == 1 || a.HasGaps(), "there are gaps, but HasGaps() says no");
    }
  }
}

void CheckPartitions(const PoolGeometry& g) {
  int64_t outputs = 0, inputs = 0;
  const WindowPartition units(g);
  for (int64_t i = 0; i < units.Count(); ++i) {
    const auto u = units.At(i);
    const int64_t size = u.images.Size() * u.channels.Size() * u.last.Size();
    Check(size > 0 && size <= units.OutputsPerUnit(), "a unit has a wrong size");
    outputs += size;
  }
  Check(outputs == g.outer * g.inner * g.OutputPositions(), "units do not cover every window once");
  const TilePartition tiles(g, 8);
  for (int64_t i = 0; i < tiles.Count(); ++i) {
    const auto tile = tiles.At(i);
    int64_t size = tile.images.Size() * tile.channels.Size();
    for (const Range& part : tile.part) size *= part.Size();
    Check(size > 0 && size <= tiles.LargestTile(), "a tile has a wrong size");
    inputs += size;
  }
  Check(inputs == g.outer * g.inner * g.InputPositions(), "tiles do not cover every input once");
}

void Fuzz(Bytes bytes) {
  // One to three spatial dimensions, and sometimes more or fewer numbers than go together.
  const int64_t spatial = bytes.Below(16) == 0 ? bytes.Below(5) : 1 + bytes.Below(3);
  std::vector<int64_t> dims(spatial + 2), ksize(spatial), strides(spatial);
  for (int64_t& n : dims) n = Size(&bytes);
  for (int64_t& n : ksize) n = Size(&bytes);
  for (int64_t& n : strides) n = Size(&bytes);
  if (bytes.Below(32) == 1) strides.push_back(1);
  if (bytes.Below(32) == 1) dims.push_back(1);
  if (!IsCountable(dims)) return;
  const Padding padding = static_cast<Padding>(bytes.Below(3));
  const DataFormat format = static_cast<DataFormat>(bytes.Below(2));
  PoolGeometry g;
  if (!MakeGeometry(dims, ksize, strides, padding, format, &g).empty()) return;
  const bool around = bytes.Below(4) == 1;
  if (g.Empty()) return;
  double elements = static_cast<double>(g.outer) * static_cast<double>(g.inner);
  for (PoolAxis& a : g.axis) {
    if (around) a.Surround(3);
    CheckAxis(a, around, &bytes);
    elements *= static_cast<double>(std::max(a.in, a.out));
  }
  if (elements <= 20000) CheckPartitions(g);
}

}  // namespace
}  // namespace softpool

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  softpool::Fuzz({data, size});
  return 0;
}
