"""The poolings in the modes that frameworks have for whole programs: datasets, retracing, determinism."""

import os
import sys

import numpy as np
import pytest
import tensorflow as tf
from cases import Case
from conftest import python, with_gradient
from poolings import POOLINGS

# Other poolings have the same kernel class and the same way to their gradients.
FIRST = ("soft", "sorted", "importance", "detail")
NAMES = [name if name in FIRST else pytest.param(name, marks=pytest.mark.slow) for name in POOLINGS]
CASE = Case((9, 8), (3, 2), (2, 2), channels=5)
ARGUMENTS = ((3, 2), (2, 2), "same", "channels_last")


@pytest.mark.parametrize("name", NAMES)
def test_map_of_a_dataset(name):
    pool = POOLINGS[name](*ARGUMENTS)
    inputs = POOLINGS[name].inputs(CASE, "channels_last", "float32")
    expected = pool(*inputs)
    data = tf.data.Dataset.from_tensors(tuple(inputs)).repeat(8)
    made = [*data.map(pool, num_parallel_calls=4, deterministic=False)]
    assert len(made) == 8
    for y in made:
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("name", NAMES)
def test_reduced_retracing(name):
    traces = []
    pool = POOLINGS[name](*ARGUMENTS)

    @tf.function(reduce_retracing=True)
    def traced(*tensors):
        traces.append(tensors[0].shape)
        return with_gradient(pool)(*tensors)

    for batch in (1, 2, 3, 4):
        inputs = POOLINGS[name].inputs(CASE, "channels_last", "float32")
        # Parameters have no batch.
        inputs = [np.repeat(t[:1], batch, 0) if t.ndim == 4 and len(t) == CASE.batch else t for t in inputs]
        inputs.append(np.ones(pool(*inputs).shape, "float32"))
        tensors = [tf.constant(t) for t in inputs]
        for found, expected in zip(traced(*tensors), with_gradient(pool)(*tensors), strict=True):
            np.testing.assert_array_equal(found, expected)
    assert len(traces) <= 2


@pytest.mark.slow
def test_determinism_that_users_ask_for():
    """TensorFlow then stops at ops that are not deterministic. Ours run, and give the same bits each time.

    Training under MirroredStrategy asks for it, too: see `train.py`.
    """
    printed = python(
        """
        import tensorflow as tf, keras, numpy as np, hashlib
        import tf_softpool as tsp
        keras.utils.set_random_seed(0)
        tf.config.experimental.enable_op_determinism()
        x = tf.random.stateless_normal((2, 33, 34, 17), (1, 2))
        layers = [getattr(tsp.layers, name) for name in tsp.layers.__all__ if name.endswith("Pooling2D")]
        for cls in layers:
            if cls.__name__.startswith(("Global", "Adaptive")):
                continue
            layer = cls(3, strides=2, padding="same") if "S3" not in cls.__name__ else cls(2, seed=1)
            def bits():
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    y = layer(x)
                    loss = tf.reduce_sum(y * y)
                sent = tape.gradient(loss, [x, *layer.trainable_variables])
                return hashlib.sha256(b"".join(t.numpy().tobytes() for t in (y, *sent))).hexdigest()
            print(cls.__name__, len({bits() for _ in range(3)}))
        """
    )
    counted = dict(line.split() for line in printed.splitlines())
    assert len(counted) == 12
    assert set(counted.values()) == {"1"}


@pytest.mark.slow
def test_distribution_of_keras_on_jax(layers):
    """Two devices of JAX share a batch, and learn what one device learns."""
    printed = python(
        """
        import os
        os.environ["KERAS_BACKEND"] = "jax"
        os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
        import jax, keras, numpy as np
        import branches
        layers = os.environ["LAYERS"].split()
        def trained():
            model = branches.compiled(branches.network(layers))
            branches.start(model)
            model.fit(*branches.examples(layers), batch_size=branches.BATCH, shuffle=False, verbose=0)
            return [np.asarray(w) for w in model.get_weights()]
        alone = trained()
        devices = keras.distribution.list_devices("cpu")
        assert len(devices) == 2
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
        for one, two in zip(alone, trained()):
            print(np.abs(one - two).max() / max(np.abs(one).max(), 1e-30))
        """,
        PYTHONPATH=os.pathsep.join(sys.path),
        LAYERS=" ".join(layers),
    )
    assert max(map(float, printed.split())) < 1e-5
