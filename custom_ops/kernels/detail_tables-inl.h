// The parameters of detail-preserving pooling, for kernels of the host.
#if defined(TF_SOFTPOOL_KERNELS_DETAIL_TABLES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TF_SOFTPOOL_KERNELS_DETAIL_TABLES_INL_H_
#undef TF_SOFTPOOL_KERNELS_DETAIL_TABLES_INL_H_
#else
#define TF_SOFTPOOL_KERNELS_DETAIL_TABLES_INL_H_
#endif

#include <vector>

#include "kernels/detail-inl.h"

HWY_BEFORE_NAMESPACE();
namespace softpool {
namespace HWY_NAMESPACE {

// The tables of parameters in the host's memory.
template <class C>
class HostDetailTables {
 public:
  HostDetailTables(const DetailParameters& parameters, int64_t channels) : parameters_(parameters) {
    const C* lambda = static_cast<const C*>(parameters.lambda);
    for (int64_t c = 0; c < channels; ++c) {
      largest_bases_.push_back(DetailTables<C>::LargestBase(lambda[c]));
      plain_ = plain_ && DetailTables<C>::IsPlain(lambda[c]);
    }
  }
  DetailTables<C> View() const { return {parameters_, largest_bases_.data(), plain_}; }

 private:
  DetailParameters parameters_;
  std::vector<C> largest_bases_;
  bool plain_ = true;
};

}  // namespace HWY_NAMESPACE
}  // namespace softpool
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
