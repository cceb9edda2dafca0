// One window of one channel by the book, for numbers that are infinite, none, or so large or small
// that the weights leave the range of their type, and for windows of very many: slowly, and in a
// wider type than theirs.
#ifndef TF_SOFTPOOL_KERNELS_DETAIL_LANE_H_
#define TF_SOFTPOOL_KERNELS_DETAIL_LANE_H_

#include <vector>

namespace softpool {

template <class Real>
struct DetailLane {
  // What goes in.
  std::vector<Real> x;
  bool guided;
  Real guide;  // if guided
  Real alpha, lambda;
  bool symmetric;

  // What comes out: the average and, where they are wanted, what a gradient of one sends to each
  // input.
  Real y;
  std::vector<Real> to_x;
  Real to_guide, to_alpha, to_lambda;

  void Run(bool with_gradients);

 private:
  void SetAll(Real value, Real to_each);
  void ShareEqually(const std::vector<bool>& among);
  void Weigh(const std::vector<bool>& kept, Real count, bool with_gradients);
};

}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_DETAIL_LANE_H_
