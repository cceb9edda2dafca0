#include "softpool/poolings/importance/importance_reference.h"

namespace softpool {

template <class Real>
void RunReference(const std::vector<Real>& x, const std::vector<Real>& logits,
                  ImportanceReference<Real>* reference) {
  reference->Run([&](const auto& f) {
    for (size_t i = 0; i < x.size(); ++i) f(x[i], logits[i]);
  });
}

template void RunReference(const std::vector<double>&, const std::vector<double>&,
                           ImportanceReference<double>*);
template void RunReference(const std::vector<long double>&, const std::vector<long double>&,
                           ImportanceReference<long double>*);

}  // namespace softpool
