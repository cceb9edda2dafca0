"""Files that Keras 2 wrote, read with Keras 3."""
