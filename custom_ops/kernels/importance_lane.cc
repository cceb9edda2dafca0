#include "kernels/importance_lane.h"

namespace softpool {

template <class Real>
void RunByTheBook(const std::vector<Real>& x, const std::vector<Real>& logits,
                  ImportanceLane<Real>* lane) {
  lane->Run([&](const auto& f) {
    for (size_t i = 0; i < x.size(); ++i) f(x[i], logits[i]);
  });
}

template void RunByTheBook(const std::vector<double>&, const std::vector<double>&,
                           ImportanceLane<double>*);
template void RunByTheBook(const std::vector<long double>&, const std::vector<long double>&,
                           ImportanceLane<long double>*);

}  // namespace softpool
