"""What is installed, and which parts of it can be used here."""

import ctypes
from typing import Any

import keras

from tf_softpool.ops import native
from tf_softpool.ops.native.tensorflow import xla
from tf_softpool_cli.backend import FRAMEWORKS


def _simd_targets() -> tuple[list[str], str | None]:
    if native.load().ops is None:
        return [], None
    function = ctypes.CDLL(str(native.KERNELS)).tf_softpool_simd_targets
    function.restype = ctypes.c_char_p
    *compiled, in_use = function().decode().split()
    return compiled, in_use


def _gpus() -> int:
    """Returns how many GPUs the framework sees that our kernels run on."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        try:
            return len(tf.config.list_physical_devices("GPU"))
        except (tf.errors.OpError, RuntimeError):  # a driver that does not work
            return 0
    if backend == "jax":
        import jax

        try:
            return len(jax.devices("cuda"))
        except RuntimeError:  # there is no such platform
            return 0
    return 0


def _framework() -> str:
    return FRAMEWORKS[keras.backend.backend()].name


def _jax(library: native.Native) -> dict[str, Any]:
    """Describes the library for JAX."""
    on_jax = keras.backend.backend() == "jax"
    reason = library.error if on_jax else f"Keras runs on {_framework()}"
    return {
        "available": reason is None,
        "reason": reason,
        "running": library.running if on_jax else None,
        "headers": library.built.get("jax_headers") or None,
    }


def _cuda(library: native.Native) -> dict[str, Any]:
    """Describes the CUDA kernels of a library."""
    devices = _gpus()
    reason: str | None
    if library.ops is None:
        reason = f"the compiled ops cannot be used: {library.error}"
    elif library.built.get("cuda_missing"):
        reason = library.built["cuda_missing"]
    else:
        reason = None if devices else f"{_framework()} sees no GPU"
    return {
        "available": reason is None,
        "reason": reason,
        "toolkit": library.built.get("cuda_toolkit") or None,
        "architectures": library.built.get("cuda_architectures", "").split(),
        "devices": devices,
    }


def build_info() -> dict[str, Any]:
    """Describes the compiled library: what it was built for, what it runs on, and which parts are missing.

    Returns:
        A dict with these keys:

        - `version`: the version of tf_softpool.
        - `library`: the path of the library with the ops of Keras's backend, or None if it cannot be used. On
          TensorFlow, `tf.load_op_library` takes this path.
        - `error`: why the library cannot be used, or None.
        - `tensorflow_built`, `tensorflow_running`: versions, or None.
        - `keras`, `keras_backend`: the version of Keras, and the name of its backend.
        - `highway`: the version of Highway that the kernels were compiled with.
        - `simd_targets`, `simd_target`: the SIMD targets that were compiled, and the one in use.
        - `cuda`: a dict about the kernels for GPUs: `available`; `reason` if they are not; `toolkit`, the
          version of CUDA that compiled them, or None; `architectures` that they were compiled for, such as
          "90"; `devices`, the number of GPUs that Keras's backend sees.
        - `jax`: a dict about the library for JAX: `available`; `reason` if it is not; `running`, the version
          of JAX; `headers`, whose headers of XLA it was compiled with, such as "JAX 0.6.2".
        - `xla`: a dict about the library for XLA: `available`; `reason` if it is not; `library`, its path;
          `kernels` and `cuda_kernels`, whether XLA programs on the CPU and on GPUs call the compiled kernels.

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
        "library": None if library.library is None else str(library.library),
        "error": library.error,
        "tensorflow_built": library.built.get("tensorflow"),
        "tensorflow_running": library.running if keras.backend.backend() == "tensorflow" else None,
        "keras": keras.__version__,
        "keras_backend": keras.backend.backend(),
        "highway": library.built.get("highway"),
        "simd_targets": compiled,
        "simd_target": in_use,
        "cuda": _cuda(library),
        "jax": _jax(library),
        "xla": {
            "available": with_xla.error is None,
            "reason": with_xla.error,
            "library": with_xla.library,
            "kernels": with_xla.kernels,
            "cuda_kernels": with_xla.cuda_kernels,
        },
    }
