// The tables of detail-preserving pooling's CUDA kernels.
#ifndef SOFTPOOL_POOLINGS_DETAIL_PRESERVING_DEVICE_DETAIL_TABLES_H_
#define SOFTPOOL_POOLINGS_DETAIL_PRESERVING_DEVICE_DETAIL_TABLES_H_

#include "softpool/cuda/launch.h"
#include "softpool/poolings/detail_preserving/detail_preserving_pool-inl.h"

namespace softpool {
namespace HWY_NAMESPACE {

template <class C>
struct LargestBasesProgram {
  const C* lambda;
  int64_t channels;
  C* largest_bases;

  SOFTPOOL_HOST_DEVICE int64_t Phases(const Thread&) const { return 1; }
  SOFTPOOL_HOST_DEVICE void Run(int64_t, const Thread& t) const {
    const int64_t c = t.group * t.count + t.index;
    if (c < channels) largest_bases[c] = DetailTables<C>::LargestBase(lambda[c]);
  }
};

// Fills in the tables. Lambda is in the device's memory, so the host does not know whether all
// channels are plain.
template <class C>
std::string MakeDetailTables(const Call& call, const CudaStream& cuda, DetailTables<C>* tables) {
  const int64_t channels = call.geometry.Channels();
  C* largest_bases = static_cast<C*>(cuda.allocate(sizeof(C) * channels));
  *tables = DetailTables<C>(call, largest_bases, /*all_plain=*/false);
  const LargestBasesProgram<C> program{tables->lambda, channels, largest_bases};
  return Launch(program, {(channels + kThreads - 1) / kThreads, 1, kThreads, 0}, cuda);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool

#endif  // SOFTPOOL_POOLINGS_DETAIL_PRESERVING_DEVICE_DETAIL_TABLES_H_
