"""The checks of `tf-softpool doctor` that need tf_softpool: its library, and each compiled pooling."""

import inspect
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import keras
import numpy as np
from keras import ops

from tf_softpool.ops import native
from tf_softpool.ops.dispatch import portable
from tf_softpool.ops.native.build_info import build_info
from tf_softpool.rewriting.policy.kinds import KINDS
from tf_softpool_cli.doctor.findings import ABSENT, OK, PROBLEM, REINSTALL, Finding
from tf_softpool_cli.names import POOLINGS

Check = Callable[[], Iterator[Finding]]

_SHAPE = (2, 9, 10, 5)
# Median pooling is compiled only for windows that no border cuts.
_WINDOWS = ((3, 2, "same"), (2, 2, "valid"))
# How far results in float32 may differ, relative to the largest of them.
_DIFFERENCE = 1e-4
_SEED = 1


def checks() -> dict[str, Check]:
    """Returns functions that yield findings, by the names of what they check."""
    return {
        "library": _library,
        "XLA": partial(_optional, "XLA", "xla"),
        "GPU": partial(_optional, "GPU", "cuda"),
        **{name: partial(_pooling, name) for name in POOLINGS},
    }


@cache
def _info() -> dict[str, Any]:
    return build_info()


def _library() -> Iterator[Finding]:
    """Says which backend, library and SIMD target are in use."""
    info = _info()
    if info["keras_backend"] not in ("tensorflow", "jax"):
        what = f"Keras runs on {info['keras_backend']}, and the compiled library on TensorFlow and JAX"
        yield Finding("Keras's backend", PROBLEM, what, "export KERAS_BACKEND=tensorflow")
    elif info["error"] is not None:
        yield Finding("library", PROBLEM, info["error"], REINSTALL)
    else:
        yield Finding("library", OK, f"{_built_for(info)}: {info['library']}")
        targets = ", ".join(info["simd_targets"])
        yield Finding("SIMD", OK, f"{info['simd_target']} of {targets} (Highway {info['highway']})")


def _built_for(info: dict[str, Any]) -> str:
    if info["keras_backend"] == "jax":
        return f"built with the headers of {info['jax']['headers']}, running JAX {info['jax']['running']}"
    return f"built for TensorFlow {info['tensorflow_built']}, running {info['tensorflow_running']}"


def _optional(part: str, key: str) -> Iterator[Finding]:
    """Says whether a part that nothing needs is there."""
    found = _info()[key]
    if not found["available"]:
        yield Finding(part, ABSENT, found["reason"])
    elif key == "cuda":
        yield Finding(part, OK, f"{found['devices']} in use, CUDA {found['toolkit']}")
    else:
        yield Finding(part, OK, "programs call the compiled kernels" if found["kernels"] else "available")


def _pooling(name: str) -> Iterator[Finding]:
    """Compares the values and gradients of a compiled pooling with those of its portable form."""
    if _info()["error"] is not None:
        return
    largest = 0.0
    for window in _WINDOWS:
        ours = _results(_layer(name, window))
        with portable():
            theirs = _results(_layer(name, window))
        largest = max(largest, *map(_difference, ours, theirs))
    if largest <= _DIFFERENCE:
        yield Finding(name, OK, f"values and gradients agree with standard operations, to {largest:.0e}")
    else:
        what = f"values or gradients differ from those of standard operations, by {largest:.0e}"
        yield Finding(name, PROBLEM, what, REINSTALL)


def _layer(name: str, window: tuple[int, int, str]) -> keras.Layer:
    """Returns a pooling with weights that are not those it begins with, and are the same in each call."""
    random = {"seed": _SEED} if name in ("stochastic", "s3") else {}
    layer = KINDS[name][2](*window, **random)
    layer.build(_SHAPE)
    generator = np.random.default_rng(_SEED)
    for weight in layer.trainable_variables:
        weight.assign(weight + generator.uniform(0.1, 0.5, weight.shape))
    return layer


def _results(layer: keras.Layer) -> list[np.ndarray]:
    """Returns a pooling's values, and the gradients of its input and of its weights."""
    generator = np.random.default_rng(_SEED)
    x = ops.convert_to_tensor(generator.normal(size=_SHAPE).astype("float32"))
    weights = [variable.value for variable in layer.trainable_variables]
    seeds = [variable.value for variable in layer.non_trainable_variables]
    training = {"training": True} if "training" in inspect.signature(layer.call).parameters else {}

    def pool(x: Any, *weights: Any) -> Any:
        y, _ = layer.stateless_call(list(weights), seeds, x, **training)
        return y

    y, send_back = native.vjp(_in_one_program(pool), x, *weights)
    gradient = ops.convert_to_tensor(generator.normal(size=y.shape).astype("float32"))
    return [np.asarray(each) for each in (y, *send_back(gradient))]


def _in_one_program(function: Callable) -> Callable:
    """Returns a function that JAX compiles as a whole. Compiling each operation would take it long."""
    if keras.backend.backend() != "jax":
        return function
    import jax

    compiled: Callable = jax.jit(function)
    return compiled


def _difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Returns the largest difference, relative to the largest number."""
    difference = np.abs(ours.astype("float64") - theirs).max() / max(1.0, np.abs(theirs).max())
    return float(difference) if np.isfinite(difference) else float("inf")
