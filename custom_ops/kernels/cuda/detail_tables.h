// The parameters of detail-preserving pooling, for kernels of a device.
#ifndef TF_SOFTPOOL_KERNELS_CUDA_DETAIL_TABLES_H_
#define TF_SOFTPOOL_KERNELS_CUDA_DETAIL_TABLES_H_

#include "kernels/cuda/launch.h"
#include "kernels/detail-inl.h"

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

// Fills in what the tables need. Whether all channels are plain only the device could say.
template <class C>
std::string MakeDetailTables(const DetailParameters& parameters, int64_t channels,
                             const CudaStream& cuda, DetailTables<C>* tables) {
  C* largest_bases = static_cast<C*>(cuda.allocate(sizeof(C) * channels));
  *tables = DetailTables<C>(parameters, largest_bases, /*all_plain=*/false);
  const LargestBasesProgram<C> program{tables->lambda, channels, largest_bases};
  return Launch(program, {(channels + kThreads - 1) / kThreads, 1, kThreads, 0}, cuda);
}

}  // namespace HWY_NAMESPACE
}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_CUDA_DETAIL_TABLES_H_
