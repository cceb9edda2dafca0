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


def _gpus(library):
    if library.running is None:
        return 0
    import tensorflow as tf

    try:
        return len(tf.config.list_physical_devices("GPU"))
    except (tf.errors.OpError, RuntimeError):  # a driver that does not work
        return 0


def _cuda(library):
    """What there is of CUDA for a `native.Native`."""
    devices = _gpus(library)
    if library.ops is None:
        reason = f"the compiled ops cannot be used: {library.error}"
    elif library.built.get("cuda_missing"):
        reason = library.built["cuda_missing"]
    else:
        reason = None if devices else "TensorFlow sees no GPU"
    return {
        "available": reason is None,
        "reason": reason,
        "toolkit": library.built.get("cuda_toolkit") or None,
        "architectures": library.built.get("cuda_architectures", "").split(),
        "devices": devices,
    }


def build_info():
    """Describes the compiled library: what it was built for, what it runs on, what is absent and why.

    Returns:
        A dict with the keys `version` (of tf_softpool), `library` (the path for
        `tf.load_op_library`, or None where it cannot be used), `error` (why not, or None),
        `tensorflow_built` and `tensorflow_running` (versions, or None), `keras` and `keras_backend`,
        `highway` (version), `simd_targets` (those compiled) and `simd_target` (the one in use),
        `cuda` and `xla`, each a dict of `available` and the `reason` where it is not. That of `cuda`,
        the kernels for GPUs, also has the `toolkit` that compiled them (version, or None), the
        `architectures` they were compiled for, such as "90", and `devices`, the number of GPUs that
        TensorFlow sees. That of `xla` also has `library`, the path of what makes XLA able to compile
        the ops, and `kernels` and `cuda_kernels`, whether programs on the CPU and on GPUs call the
        compiled kernels.

    Example:
        >>> import tf_softpool as tsp
        >>> sorted(tsp.build_info()["cuda"])
        ['architectures', 'available', 'devices', 'reason', 'toolkit']
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
        "cuda": _cuda(library),
        "xla": {
            "available": with_xla.error is None,
            "reason": with_xla.error,
            "library": with_xla.library,
            "kernels": with_xla.kernels,
            "cuda_kernels": with_xla.cuda_kernels,
        },
    }
