// What libraries beside that of the TensorFlow ops may call.
#ifndef TF_SOFTPOOL_KERNELS_EXPORT_H_
#define TF_SOFTPOOL_KERNELS_EXPORT_H_

#define SOFTPOOL_EXPORT __attribute__((visibility("default")))

#endif  // TF_SOFTPOOL_KERNELS_EXPORT_H_
