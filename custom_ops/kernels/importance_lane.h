// One window of one channel by the book, for values that are infinite, no numbers, or very large:
// slowly, and in double.
#ifndef TF_SOFTPOOL_KERNELS_IMPORTANCE_LANE_H_
#define TF_SOFTPOOL_KERNELS_IMPORTANCE_LANE_H_

#include <cstddef>
#include <vector>

namespace softpool {

class ImportanceLane {
 public:
  // Computes the weights and the average; references must outlive this.
  ImportanceLane(const std::vector<double>& x, const std::vector<double>& logits);

  double y() const { return y_; }
  // What a gradient g of y sends to a value and to its logit.
  double ToValue(size_t i, double g) const;
  double ToLogit(size_t i, double g) const;

 private:
  const std::vector<double>& x_;
  std::vector<double> weights_;
  double y_;
};

}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_IMPORTANCE_LANE_H_
