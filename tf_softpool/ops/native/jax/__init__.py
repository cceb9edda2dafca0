"""The compiled ops on JAX: the kernels' handlers for XLA, called from JAX's programs."""
