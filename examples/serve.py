"""What a server does: loads exported models with TensorFlow alone, and answers.

Usage: python serve.py IMAGES.npy PORTABLE_MODEL NATIVE_MODEL OP_LIBRARY OUT.npz
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf


def answer(folder, images):
    """The predictions of the SavedModel in a folder, through its signature."""
    model = tf.saved_model.load(folder)
    return model.signatures["serving_default"](tf.constant(images))["output_0"].numpy()


def main():
    """Answers with both models: the native one after its ops are loaded, and not before."""
    images_path, portable, native, library, out = sys.argv[1:]
    images = np.load(images_path)
    answers = {"portable": answer(portable, images)}
    tf.load_op_library(library)
    answers["native"] = answer(native, images)
    if "tf_softpool" in sys.modules:
        raise SystemExit("this process was to do without the package")
    np.savez(out, **answers)


if __name__ == "__main__":
    main()
