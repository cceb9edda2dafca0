"""The machine that was measured."""

import os
import platform
import re
from pathlib import Path
from typing import Any

import tensorflow as tf

from tf_softpool.ops.native.build_info import build_info

_PROCESSORS = Path("/proc/cpuinfo")


def machine() -> dict[str, Any]:
    """Returns what was measured: the processor, what is installed, and the load before the measurements."""
    info = build_info()
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "threads": tf.config.threading.get_intra_op_parallelism_threads() or len(os.sched_getaffinity(0)),
        "simd_target": info["simd_target"],
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "tensorflow": info["tensorflow_running"],
        "keras": info["keras"],
        "tf_softpool": info["version"],
    }


def _processor() -> str:
    """Returns the name of the processor. Linux does not tell it on all ARM machines."""
    try:
        found = re.search(
            r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", _PROCESSORS.read_text(), re.MULTILINE
        )
    except OSError:
        found = None
    return found[1] if found else platform.machine()
