// One window of one channel by the book, for numbers that are infinite, none, or so large or small
// that the weights leave the range of their type: slowly, and in double.
#ifndef TF_SOFTPOOL_KERNELS_DETAIL_LANE_H_
#define TF_SOFTPOOL_KERNELS_DETAIL_LANE_H_

#include <vector>

namespace softpool {

struct DetailLane {
  // What goes in.
  std::vector<double> x;
  bool guided;
  double guide;  // if guided
  double alpha, lambda;
  bool symmetric;

  // What comes out: the average, and what a gradient of one sends to each input.
  double y;
  std::vector<double> to_x;
  double to_guide, to_alpha, to_lambda;

  void Run();

 private:
  void SetAll(double value, double to_each);
  void ShareEqually(const std::vector<bool>& among);
  void Weigh(const std::vector<bool>& kept, double count);
};

}  // namespace softpool

#endif  // TF_SOFTPOOL_KERNELS_DETAIL_LANE_H_
