"""A process that serves exported models with TensorFlow alone: it loads them and computes predictions.

Usage: python serve.py IMAGES.npy PORTABLE_MODEL NATIVE_MODEL OP_LIBRARY OUT.npz
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf


def answer(folder, images):
    """Returns the predictions of the SavedModel in a folder, computed by its signature."""
    model = tf.saved_model.load(folder)
    return model.signatures["serving_default"](tf.constant(images))["output_0"].numpy()


def main():
    """Computes predictions with both models. The native model needs its ops, which are loaded before it."""
    images_path, portable, native, library, out = sys.argv[1:]
    images = np.load(images_path)
    answers = {"portable": answer(portable, images)}
    tf.load_op_library(library)
    answers["native"] = answer(native, images)
    if "tf_softpool" in sys.modules:
        raise SystemExit("This process must not import tf_softpool, but something did.")
    np.savez(out, **answers)


if __name__ == "__main__":
    main()
