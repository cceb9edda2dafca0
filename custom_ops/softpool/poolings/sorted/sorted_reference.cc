#include "softpool/poolings/sorted/sorted_reference.h"

#include <algorithm>
#include <cmath>

namespace softpool {
template <class C>
bool Rank(int64_t pool_range, std::vector<Ranked<C>>* values) {
  using Value = Ranked<C>;
  const auto is_nan = [](const Value& v) { return std::isnan(v.value); };
  if (std::any_of(values->begin(), values->end(), is_nan)) return false;
  if (!std::all_of(values->begin(), values->end(), IsNothing<C>)) {
    values->erase(std::remove_if(values->begin(), values->end(), IsNothing<C>), values->end());
  }
  if (pool_range < static_cast<int64_t>(values->size())) {
    std::nth_element(values->begin(), values->begin() + pool_range, values->end(), IsBefore<C>);
    values->resize(pool_range);
  }
  std::sort(values->begin(), values->end(), IsBefore<C>);
  return true;
}

template bool Rank(int64_t, std::vector<Ranked<float>>*);
template bool Rank(int64_t, std::vector<Ranked<double>>*);

}  // namespace softpool
