"""What `build_info` says about CUDA kernels, and which kernels the library has, with or without a GPU."""

import dataclasses
import shutil
import subprocess

import pytest
import tensorflow as tf
from poolings import POOLINGS
from tensorflow.python.framework.kernels import get_registered_kernels_for_op

import tf_softpool as tsp
from tf_softpool.ops import native

BUILT = not native.load().built["cuda_missing"]
OPS = sorted({f"{pooling.op}{suffix}" for pooling in POOLINGS.values() for suffix in ("", "Grad")})
needs_kernels = pytest.mark.skipif(
    not BUILT, reason=f"no CUDA kernels: {native.load().built['cuda_missing']}"
)


def info_of(monkeypatch, gpus=0, **built):
    """Returns what `build_info` says about a library that was built as `built` says, with `gpus` GPUs."""
    library = dataclasses.replace(native.load(), built={**native.load().built, **built})
    monkeypatch.setattr(native, "load", lambda: library)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["a GPU"] * gpus)
    return tsp.build_info()["cuda"]


def test_what_is_here():
    info, built = tsp.build_info()["cuda"], native.load().built
    assert info["devices"] == len(tf.config.list_physical_devices("GPU"))
    assert info["available"] == (BUILT and info["devices"] > 0)
    assert info["available"] == (info["reason"] is None)
    assert (info["toolkit"] or "") == built["cuda_toolkit"]
    assert " ".join(info["architectures"]) == built["cuda_architectures"]
    assert bool(info["toolkit"]) == bool(info["architectures"]) == BUILT


def test_a_build_without_them_says_why(monkeypatch):
    nothing = {"cuda_missing": "nobody wanted them", "cuda_toolkit": "", "cuda_architectures": ""}
    assert info_of(monkeypatch, gpus=1, **nothing) == {
        "available": False,
        "reason": "nobody wanted them",
        "toolkit": None,
        "architectures": [],
        "devices": 1,
    }


@pytest.mark.parametrize(("gpus", "reason"), [(0, "TensorFlow sees no GPU"), (2, None)])
def test_they_need_a_gpu(monkeypatch, gpus, reason):
    built = {"cuda_missing": "", "cuda_toolkit": "13.0.88", "cuda_architectures": "75 90"}
    assert info_of(monkeypatch, gpus, **built) == {
        "available": reason is None,
        "reason": reason,
        "toolkit": "13.0.88",
        "architectures": ["75", "90"],
        "devices": gpus,
    }


def test_a_driver_that_does_not_work_is_no_gpu(monkeypatch):
    def fail(kind):
        raise RuntimeError("cudaGetDevice() failed")

    monkeypatch.setattr(tf.config, "list_physical_devices", fail)
    assert tsp.build_info()["cuda"]["devices"] == 0


def test_no_ops_no_cuda(monkeypatch):
    monkeypatch.setattr(native, "load", lambda: native.Native(error="there is no compiler"))
    info = tsp.build_info()["cuda"]
    assert not info["available"]
    assert "there is no compiler" in info["reason"]
    assert info["devices"] == 0


@pytest.mark.parametrize("op", OPS)
def test_every_op_runs_on_a_gpu_where_there_are_kernels(op):
    devices = {kernel.device_type for kernel in get_registered_kernels_for_op(f"Softpool>{op}").kernel}
    assert "CPU" in devices
    assert ("GPU" in devices) == BUILT


def test_xla_takes_the_kernels_where_there_are_any():
    assert tsp.build_info()["xla"]["cuda_kernels"] == BUILT


@needs_kernels
def test_the_runtime_is_inside_and_nobody_elses():
    """The library neither imports nor exports CUDA's symbols.

    So it loads without a driver, and cannot be mixed up with another CUDA runtime.
    """
    if shutil.which("nm") is None:
        pytest.skip("nm is not installed")
    listed = subprocess.run(["nm", "-D", native.KERNELS], capture_output=True, text=True, check=True).stdout
    symbols = [line.split()[-1].split("@")[0] for line in listed.splitlines()]
    assert any("softpool" in s for s in symbols)
    assert [s for s in symbols if s.startswith(("cu", "__cuda", "nv"))] == []
