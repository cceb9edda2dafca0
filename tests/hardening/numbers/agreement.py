"""Calls of poolings, compared with what they mean."""

import math
from dataclasses import replace
from unittest import mock

import ml_dtypes
import numpy as np
import oracle
from conftest import RELATIVE, assert_near, numpy_dtype, run, with_gradient
from draws import PLAIN
from meanings import MEANINGS, TRIED

from tf_softpool.ops.arguments import compute_dtype
from tf_softpool.ops.window import PoolWindow

INF = np.inf
# The most terms that kernels add up without carrying the rounding errors along.
RUN = 64


def last(tensor, data_format):
    """Returns an array with channels last."""
    return np.moveaxis(tensor, 1, -1) if data_format == "channels_first" else tensor


def first(tensor, data_format):
    """Returns an array with channels last in a data format."""
    return np.moveaxis(tensor, -1, 1) if data_format == "channels_first" else tensor


def every_window(case, padding):
    """Yields each window's position in the output, and its slices of the input."""
    if padding == "adaptive":
        return oracle.adaptive_windows(case.spatial, case.pool_size)
    padding = "same" if padding == "whole" else padding
    return oracle.windows(case.spatial, case.pool_size, case.strides, padding)


def outputs(case, padding):
    """Returns the pooled shape, with channels last."""
    places = [position for position, _ in every_window(case, padding)]
    return (case.batch, *(max(axis) + 1 for axis in zip(*places, strict=True)), case.channels)


def pooling(name, call):
    """Returns a call's pooling as a function of tensors."""
    case, rank = call.case, len(call.case.spatial)
    padding = "same" if call.padding == "whole" else call.padding
    if padding != "adaptive":
        return TRIED[name](case.pool_size, case.strides, padding, call.data_format)
    window = PoolWindow.adaptive(rank, case.pool_size, call.data_format)

    def adaptive(*tensors):
        # The functions take the sizes of ordinary windows, and layers take these windows.
        with mock.patch.object(PoolWindow, "of", return_value=window):
            return TRIED[name](case.pool_size, None, "valid", call.data_format)(*tensors)

    return adaptive


def tensors_of(name, call):
    """Returns a call's input tensors and the gradient of its result, with channels last."""
    case, meaning = call.case, MEANINGS.get(name)
    x = call.x.array(case.shape("channels_last"), call.dtype)
    if meaning is not None and meaning.leaves_infinities_out:
        # Its windows are those around the centres, so NaN would be elsewhere in its results.
        x = np.where(np.isnan(x), 0, x).astype(x.dtype)
    g = call.g.array(outputs(case, call.padding), call.dtype, salt=1)
    random, wide = np.random.default_rng([call.x.seed, 2]), compute_dtype(call.dtype)
    made = TRIED[name].others(random, case, x, wide)
    if meaning is None:
        return [x, *made], g
    others, roles = [], meaning.roles
    if meaning.parameters and call.choice:
        make = meaning.parameters[(call.choice - 1) % len(meaning.parameters)]
        sizes = [math.prod(s.stop - s.start for s in where) for _, where in every_window(case, call.padding)]
        taps = math.prod(case.pool_size) if call.padding in PLAIN else max(sizes)
        hard = [np.asarray(v).astype(wide) for v in make(random, case, taps)]
        made = hard if len(hard) == roles.count("parameters") else made
    parameters = made[len(made) - roles.count("parameters") :]
    for role in roles:
        if role == "parameters":
            others.append(parameters.pop(0))
        else:
            shape = x.shape if role == "taps" else g.shape
            v = call.others.array(shape, call.dtype, salt=3)
            # An infinite guide makes an average, which a table of special values tests.
            others.append(np.where(np.isinf(v), 1, v).astype(v.dtype) if role == "windows" else v)
    return [x, *others], g


def _windows_with(flags, call):
    """Returns, for each window and each channel, whether it has a position with a flag."""
    found = np.zeros(outputs(call.case, call.padding), bool)
    for position, where in every_window(call.case, call.padding):
        found[(slice(None), *position)] = flags[(slice(None), *where)].any(
            axis=tuple(range(1, flags.ndim - 1))
        )
    return found


def _positions_in(found, call):
    """Returns, for each position, whether it is in one of some windows."""
    flags = np.zeros(call.case.shape("channels_last"), bool)
    for position, where in every_window(call.case, call.padding):
        place = found[(slice(None), *position)].reshape(
            found.shape[0], *(1 for _ in position), found.shape[-1]
        )
        flags[(slice(None), *where)] |= place
    return flags


def meant(meaning, tensors, g, call):
    """Returns the result and the gradients of finite numbers, each with the scale of its rounding error."""
    case = call.case
    if tensors[0].size == 0:
        return [(np.zeros(t.shape), np.zeros(t.shape)) for t in (g, *tensors)]
    if call.padding != "adaptive":
        padding = "same" if call.padding == "whole" else call.padding
        windows = (case.pool_size, case.strides, padding, "channels_last")
        value = meaning.value(*tensors, windows=windows)
        return [value, *meaning.slopes(*tensors, g=g, windows=windows)]
    roles = ("taps", *meaning.roles)
    results = [tuple(np.zeros(g.shape) for _ in range(2))]
    results += [tuple(np.zeros(t.shape) for _ in range(2)) for t in tensors]
    for position, where in every_window(case, call.padding):
        at = (slice(None), *(slice(i, i + 1) for i in position))
        parts = {"taps": (slice(None), *where), "windows": at, "parameters": ()}
        size = tuple(part.stop - part.start for part in where)
        windows = (size, size, "valid", "channels_last")
        own = [t[parts[role]] for t, role in zip(tensors, roles, strict=True)]
        pairs = [meaning.value(*own, windows=windows), *meaning.slopes(*own, g=g[at], windows=windows)]
        for result, pair, role in zip(results, pairs, ("windows", *roles), strict=True):
            for total, part in zip(result, pair, strict=True):
                total[parts[role]] += part
    return results


def _beyond(actual, expected, scale, dtype):
    """Checks numbers beyond the largest of a type, and returns which ones are not."""
    most = float(ml_dtypes.finfo(numpy_dtype(dtype)).max)
    wide, near = (
        np.asarray(actual).astype("float64"),
        np.isfinite(expected) & (np.abs(expected) > 0.99 * most),
    )
    with np.errstate(invalid="ignore"):
        assert (np.abs(wide[near]) >= 0.98 * most).all(), "a number beyond the type's range is small"
        assert (np.sign(wide[near]) == np.sign(expected[near])).all(), "a number has the wrong sign"
    return ~near


def agree(actual, expected, scale, dtype, standard=False, where=True, bounded=True):
    """Asserts that a result is near an expected one where `where` says so.

    If it is `bounded`, results whose terms are beyond the type's range are left out.
    """
    assert tuple(actual.shape) == expected.shape
    # The sum of terms beyond the type's range is not promised, except that of a window's values.
    most = float(ml_dtypes.finfo(numpy_dtype(dtype)).max)
    kept = np.broadcast_to(where, expected.shape) & ~(bounded & ~(scale < most / 4))
    actual, expected, scale = np.asarray(actual)[kept], expected[kept], scale[kept]
    kept = _beyond(actual, expected, scale, dtype)
    assert_near(actual[kept], expected[kept], scale[kept], dtype, standard)


def check(name, call, modes=("eager", "portable")):
    """Compares a call of a pooling with its meaning, in several modes."""
    meaning = MEANINGS[name]
    if meaning.by_place:
        call = replace(call, data_format="channels_last")
    tensors, g = tensors_of(name, call)
    given = [
        first(t, call.data_format) if role != "parameters" else t
        for t, role in zip([*tensors, g], ("taps", *meaning.roles, "windows"), strict=True)
    ]
    results = {}
    for mode in modes:
        # Standard operations make subnormal numbers zero. A step or a large weight makes much of that.
        hides_subnormals = meaning.has_step or meaning.has_any_weights
        if mode != "eager" and hides_subnormals and has_subnormals(tensors[0]):
            continue
        results[mode] = run(mode, with_gradient(pooling(name, call)), *given)
    x = tensors[0]
    nan = _windows_with(np.isnan(x), call)
    for t, role in zip(tensors[1:], meaning.roles, strict=True):
        if role != "parameters":
            nan |= _windows_with(np.isnan(t), call) if role == "taps" else np.isnan(t)
    infinite = _windows_with((x == INF) & (not meaning.leaves_infinities_out), call) & ~nan
    finite = [np.where(np.isnan(t), 0, t).astype(t.dtype) for t in tensors]
    if not meaning.leaves_infinities_out:
        finite[0] = np.where(finite[0] == INF, 0, finite[0]).astype(x.dtype)
    clean_g = np.where(nan | infinite, 0, g).astype(g.dtype)
    # Gradients that need not fit their type may be sums of infinities, and `-inf` has a gradient of zero.
    with np.errstate(over="ignore", invalid="ignore"):
        (value, scale), *slopes = meant(meaning, finite, clean_g, call)
    value = np.where(nan, np.nan, np.where(infinite, INF, value))
    scale = scale + underflow(call.dtype) * _largest_of_windows(x, call) + 4 * subnormal(call.dtype)
    windows = [[s.stop - s.start for s in where] for _, where in every_window(call.case, call.padding)]
    for mode, (y, *gradients) in results.items():
        standard = mode != "eager"
        # A multiple of the largest float64 is no float64.
        longer = np.longdouble(1)
        if standard:
            # A window's values are added up one after another, so errors of long sums add up too.
            longer *= max(1, max(map(math.prod, windows), default=1) / 256)
            longer *= meaning.standard_error(*tensors[1:])
        elif meaning.shares_sums:
            # Sums along one axis are added up along the next one.
            longer += max((sum(min(n, RUN) for n in sizes) for sizes in windows), default=0) / RUN
        assert y.dtype == call.dtype
        certain = ~infinite if meaning.weighs_infinity else True
        try:
            agree(
                last(np.asarray(y), call.data_format),
                value,
                scale * longer,
                call.dtype,
                standard,
                certain,
                meaning.has_any_weights,
            )
            if not mode.startswith("portable") or _is_calm(tensors, g):
                longer_slopes = [(slope, scale * longer) for slope, scale in slopes]
                check_gradients(meaning, call, gradients, longer_slopes, tensors, g, nan, infinite, standard)
        except AssertionError as error:
            raise AssertionError(f"{name}, {mode}: {error}") from error


def _is_calm(tensors, g):
    """Returns whether the derivatives of TensorFlow's operations are promised for these numbers."""
    sizes = [np.abs(t.astype("float64")) for t in (*tensors, g)]
    return all((np.isfinite(v) & (v < 1e4) & ((v == 0) | (v > 1e-20))).all() for v in sizes)


def has_subnormals(x):
    """Returns whether an array has numbers that standard operations make zero."""
    size = np.abs(x.astype("float64"))
    return ((size > 0) & (size < ml_dtypes.finfo(compute_dtype(x.dtype.name)).tiny)).any()


def _largest_of_windows(x, call):
    """Returns the largest size of each window's finite numbers."""
    size = np.abs(np.where(np.isfinite(x), x, 0).astype("float64"))
    largest = np.zeros(outputs(call.case, call.padding))
    for position, where in every_window(call.case, call.padding):
        part = size[(slice(None), *where)]
        largest[(slice(None), *position)] = part.max(axis=tuple(range(1, part.ndim - 1)), initial=0)
    return largest


def underflow(dtype):
    """Returns the scale of the error of a weight that is rounded to a subnormal number, or to zero."""
    return float(ml_dtypes.finfo(compute_dtype(dtype)).tiny) / RELATIVE[dtype]


def subnormal(dtype):
    """Returns the scale of the error of a product that is rounded to a subnormal number."""
    return 4 * float(ml_dtypes.finfo(compute_dtype(dtype)).smallest_subnormal) / RELATIVE[dtype]


def check_gradients(meaning, call, gradients, slopes, tensors, g, nan, infinite, standard):
    """Compares gradients with their meaning, at every input that no window with an infinity or NaN has."""
    of_nan, of_infinity = _positions_in(nan, call), _positions_in(infinite, call)
    finite_g = np.abs(np.where(np.isfinite(g), g, 0).astype("float64"))
    # Gradients are not promised if their product with a value of the window is beyond the type's range.
    most = float(ml_dtypes.finfo(compute_dtype(call.dtype)).max)
    largest = 1 + _largest_of_windows(tensors[0], call)
    beyond = finite_g > most / 16 / largest
    of_beyond = _positions_in(beyond, call)
    for i, (actual, (expected, scale), role) in enumerate(
        zip([d for d in gradients if d is not None], slopes, ("taps", *meaning.roles), strict=True)
    ):
        if role == "parameters":
            wide, axes = compute_dtype(call.dtype), tuple(range(nan.ndim - 1))
            uncertain = (nan | beyond | (infinite & meaning.weighs_infinity)).any(axis=axes)
            actual = np.reshape(actual, expected.shape)
            # A weight may be rounded to zero, or its product with the gradient to a subnormal number.
            with np.errstate(over="ignore"):
                lost = (finite_g * underflow(call.dtype) + subnormal(call.dtype)) * largest
                # Standard operations subtract sums from each other, and kernels subtract values first.
                lost = lost + standard * finite_g * largest
                lost = lost.sum(axis=axes) if expected.shape[-1:] == lost.shape[-1:] else lost.sum()
                scale = scale + lost
            uncertain = uncertain if expected.shape[-1:] == uncertain.shape else uncertain.any()
            agree(actual, expected, scale, wide, standard, ~uncertain)
            continue
        actual = last(np.asarray(actual), call.data_format)
        bad = (of_nan, of_infinity, of_beyond) if role == "taps" else (nan, infinite, beyond)
        scale = scale + 8 * underflow(call.dtype) * np.abs(finite_g).max(initial=0)
        agree(actual, expected, scale, call.dtype, standard, ~(bad[0] | bad[1] | bad[2]))
        # Padding has no gradient, whatever the window has.
        counts = tensors[0] != -INF if role == "taps" else np.ones(actual.shape, bool)
        assert np.isnan(actual[bad[0] & counts]).all(), f"gradient {i} is not NaN in a window with NaN"
