"""The compiled ops under JAX's transformations."""

import jax
import numpy as np
import pytest
from cases import GAPS_BETWEEN, LINE, STEPS_OF_ONE, TILED
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from near import bits
from poolings import POOLINGS

import tf_softpool as tsp

CASES = [LINE, STEPS_OF_ONE, GAPS_BETWEEN]


def pooling(name, case):
    """Returns a pooling as a function of tensors, and tensors for it."""
    padding = "same" if case is STEPS_OF_ONE else "valid"
    pool = POOLINGS[name](case.pool_size, case.strides, padding, "channels_last")
    return pool, POOLINGS[name].inputs(case, "channels_last", "float32")


def several(tensors):
    """Returns each tensor three times, with different values."""
    return [np.stack([t, 1.1 * t, t + 0.25]).astype(t.dtype) for t in tensors]


def with_gradients(pool):
    """Returns a function of tensors: the result, and the gradients of the sum of its squares."""

    def function(*tensors):
        y, send_back = jax.vjp(pool, *tensors)
        return y, *send_back(2 * y)

    return function


def assert_same(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(bits(a), bits(b))


@pytest.mark.each_value
@pytest.mark.parametrize("jitted", [False, True])
@pytest.mark.parametrize("mapped", ["all", "first", "others"])
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("name", POOLINGS)
def test_vmap(name, case, mapped, jitted):
    pool, tensors = pooling(name, case)
    axes = [0 if mapped == "all" or (mapped == "first") == (i == 0) else None for i in range(len(tensors))]
    if axes == [None] * len(axes):
        pytest.skip("there is nothing to map")
    stacks = several(tensors)
    given = [stack if axis == 0 else t for stack, t, axis in zip(stacks, tensors, axes, strict=True)]
    function = jax.vmap(with_gradients(pool), axes)
    found = (jax.jit(function) if jitted else function)(*given)
    for i in range(3):
        pairs = zip(given, axes, strict=True)
        alone = with_gradients(pool)(*(t if axis is None else t[i] for t, axis in pairs))
        # Last bits depend on how many images there are, because images side by side share exponentials.
        for a, b in zip(found, alone, strict=True):
            np.testing.assert_allclose(a[i], b, rtol=2e-6, atol=2e-6 * np.abs(b).max())


def test_vmap_of_vmap_and_other_axes():
    x = np.random.default_rng(0).normal(size=(3, 2, 6, 8, 4, 5)).astype("float32")
    found = jax.vmap(jax.vmap(lambda x: tsp.soft_pool(x, 2), 0, 1), 4, 2)(x)
    assert found.shape == (2, 3, 4, 3, 4, 5)
    for i in range(4):
        for j in range(3):
            alone = tsp.soft_pool(x[j, :, :, :, i], 2)
            np.testing.assert_allclose(found[:, j, i], alone, rtol=1e-6, atol=1e-6)


@pytest.mark.each_value
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("name", [name for name in POOLINGS if name != "soft, weights"])
def test_second_derivatives_are_those_of_the_portable_form(name, case):
    pool, tensors = pooling(name, case)
    tensors = [t.astype("float64") for t in tensors]
    directions = [np.random.default_rng(1).normal(size=t.shape) for t in tensors]

    def slope(*tensors):
        y, send_back = jax.vjp(pool, *tensors)
        return sum((a * b).sum() for a, b in zip(send_back(y**2), directions, strict=True))

    every = tuple(range(len(tensors)))
    found = jax.jit(jax.grad(slope, every))(*tensors)
    with tsp.portable():
        expected = jax.grad(slope, every)(*tensors)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * (1 + np.abs(b).max()))


def test_third_derivatives():
    x = np.random.default_rng(0).normal(size=(1, 6, 2))

    def thrice(pool):
        function = lambda x: (pool(x) ** 2).sum()  # noqa: E731
        for _ in range(2):
            function = (lambda f: lambda x: (jax.grad(f)(x) ** 3).sum())(function)
        return jax.grad(function)(x)

    found = thrice(lambda x: tsp.soft_pool(x, 3, 1))
    with tsp.portable():
        expected = thrice(lambda x: tsp.soft_pool(x, 3, 1))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("name", POOLINGS)
def test_checkpoint_and_scan(name):
    pool, tensors = pooling(name, TILED)
    once = with_gradients(pool)(*tensors)
    assert_same(jax.jit(with_gradients(jax.checkpoint(pool)))(*tensors), once)

    def step(carry, others):
        return carry, with_gradients(pool)(tensors[0], *others)

    _, found = jax.lax.scan(step, 0, tuple(np.stack([t, t]) for t in tensors[1:]), length=2)
    assert_same([each[1] for each in found], once)


@pytest.mark.skipif(not hasattr(jax, "shard_map"), reason="this JAX has it elsewhere, and with other rules")
@pytest.mark.each_value
@pytest.mark.parametrize("jitted", [False, True])
@pytest.mark.parametrize("name", POOLINGS)
def test_shard_map_over_two_devices(name, jitted):
    assert jax.device_count("cpu") == 2
    pool, tensors = pooling(name, TILED)
    mesh = Mesh(np.array(jax.devices("cpu")), ("batch",))
    x = np.concatenate([tensors[0], tensors[0] + 1])
    of_images = [len(t) == len(tensors[0]) and t.ndim == x.ndim for t in tensors[1:]]
    others = [np.concatenate([t, t]) if own else t for t, own in zip(tensors[1:], of_images, strict=True)]
    specs = (P("batch"), *(P("batch") if own else P() for own in of_images))
    function = jax.shard_map(pool, mesh=mesh, in_specs=specs, out_specs=P("batch"))
    found = (jax.jit(function) if jitted else function)(x, *others)
    halves = [
        pool(part, *(t[:2] if own else t for t, own in zip(others, of_images, strict=True)))
        for part in (x[:2], x[2:])
    ]
    np.testing.assert_array_equal(found, np.concatenate(halves))
    gradient = jax.grad(lambda *t: (function(*t) ** 2).sum())(x, *others)
    alone = [jax.grad(lambda x, o=o: (pool(x, *o) ** 2).sum())(p) for p, o in parts_of(x, others, of_images)]
    np.testing.assert_allclose(gradient, np.concatenate(alone), rtol=1e-6)


@pytest.mark.each_value
@pytest.mark.parametrize("along", ["batch", "space"])
@pytest.mark.parametrize("name", POOLINGS)
def test_arrays_that_are_divided_among_devices(name, along):
    """Each device pools its part of the batch. XLA gathers the arrays for a call that it does not know."""
    pool, tensors = pooling(name, TILED)
    mesh = Mesh(np.array(jax.devices("cpu")), ("devices",))
    of_images = [t.shape == tensors[0].shape for t in tensors]
    divided = P("devices") if along == "batch" else P(None, "devices")
    specs = [divided if own else P() for own in of_images]
    given = [jax.device_put(t, NamedSharding(mesh, s)) for t, s in zip(tensors, specs, strict=True)]
    function = jax.jit(with_gradients(pool))
    found = function(*given)
    expected = with_gradients(pool)(*tensors)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=2e-6 * np.abs(b).max())
    if along == "batch" and name != "drawn":
        assert "all-gather" not in function.lower(*given).compile().as_text()
        assert found[0].sharding.spec == found[1].sharding.spec == P("devices")


def parts_of(x, others, of_images):
    """Returns the tensors of each device."""
    halves = (slice(None, 2), slice(2, None))
    return [
        (x[half], [t[half] if own else t for t, own in zip(others, of_images, strict=True)])
        for half in halves
    ]


def test_forward_mode_is_refused_and_the_portable_form_has_it():
    x = np.random.default_rng(0).normal(size=(1, 6, 2))
    for forward in (jax.jacfwd(lambda x: tsp.soft_pool(x, 2)), lambda x: jax.jvp(pool, (x,), (x,))):
        with pytest.raises(TypeError, match="forward-mode"):
            forward(x)
    with tsp.portable():
        found = jax.jacfwd(lambda x: tsp.soft_pool(x, 2))(x)
    np.testing.assert_allclose(found, jax.jacrev(lambda x: tsp.soft_pool(x, 2))(x), rtol=1e-9, atol=1e-12)


def pool(x):
    return tsp.soft_pool(x, 2)


def test_unknown_sizes_take_the_portable_form():
    """A program that is exported for any batch has no size to make a compiled call of."""
    (batch,) = jax.export.symbolic_shape("batch")
    program = jax.export.export(jax.jit(pool))(jax.ShapeDtypeStruct((batch, 6, 2), "float32"))
    x = np.random.default_rng(0).normal(size=(3, 6, 2)).astype("float32")
    np.testing.assert_allclose(program.call(x), pool(x), rtol=1e-6, atol=1e-6)


def test_what_is_drawn_does_not_depend_on_the_form():
    layer = tsp.layers.StochasticPooling2D(2, seed=3)
    other = tsp.layers.StochasticPooling2D(2, seed=3)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 5)).astype("float32")
    for _ in range(3):
        y = layer(x, training=True)
        with tsp.portable():
            np.testing.assert_array_equal(y, other(x, training=True))
