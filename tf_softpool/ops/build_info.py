"""What is installed, and what of it can be used here."""

import ctypes

import keras

from tf_softpool.ops import native, xla


def _simd_targets():
    if native.load().ops is None:
        return [], None
    function = ctypes.CDLL(str(native.LIBRARY)).tf_softpool_simd_targets
    function.restype = ctypes.c_char_p
    *compiled, in_use = function().decode().split()
    return compiled, in_use


def build_info():
    """Describes the compiled library: what it was built for, what it runs on, what is absent and why.

    Returns:
        A dict with the keys `version` (of tf_softpool), `library` (the path for
        `tf.load_op_library`, or None where it cannot be used), `error` (why not, or None),
        `tensorflow_built` and `tensorflow_running` (versions, or None), `keras` and `keras_backend`,
        `highway` (version), `simd_targets` (those compiled) and `simd_target` (the one in use),
        `cuda` and `xla` (each a dict of `available` and the `reason` where it is not; `xla` also of
        `library`, the path of what makes XLA able to compile the ops, and `kernels`, whether programs
        on the CPU call the compiled kernels).

    Example:
        >>> import tf_softpool as tsp
        >>> sorted(tsp.build_info()["cuda"])
        ['available', 'reason']
    """
    from tf_softpool import __version__

    library, with_xla = native.load(), xla.load()
    compiled, in_use = _simd_targets()
    return {
        "version": __version__,
        "library": str(native.LIBRARY) if library.ops is not None else None,
        "error": library.error,
        "tensorflow_built": library.built.get("tensorflow"),
        "tensorflow_running": library.running,
        "keras": keras.__version__,
        "keras_backend": keras.backend.backend(),
        "highway": library.built.get("highway"),
        "simd_targets": compiled,
        "simd_target": in_use,
        "cuda": {"available": False, "reason": "this version has no CUDA kernels"},
        "xla": {
            "available": with_xla.error is None,
            "reason": with_xla.error,
            "library": with_xla.library,
            "kernels": with_xla.kernels,
        },
    }
