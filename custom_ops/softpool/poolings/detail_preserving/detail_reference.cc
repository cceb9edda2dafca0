#include "softpool/poolings/detail_preserving/detail_reference.h"

namespace softpool {

template <class Real>
void RunReference(const std::vector<Real>& x, bool with_gradients,
                  DetailReference<Real>* reference) {
  const auto for_each = [&](const auto& f) {
    for (Real value : x) f(value);
  };
  reference->Run(for_each, with_gradients);
}

template void RunReference(const std::vector<double>&, bool, DetailReference<double>*);
template void RunReference(const std::vector<long double>&, bool, DetailReference<long double>*);

}  // namespace softpool
