#include "kernels/detail_lane.h"

namespace softpool {

template <class Real>
void RunByTheBook(const std::vector<Real>& x, bool with_gradients, DetailLane<Real>* lane) {
  const auto for_each = [&](const auto& f) {
    for (Real value : x) f(value);
  };
  lane->Run(for_each, with_gradients);
}

template void RunByTheBook(const std::vector<double>&, bool, DetailLane<double>*);
template void RunByTheBook(const std::vector<long double>&, bool, DetailLane<long double>*);

}  // namespace softpool
