"""A model made in the scope of a strategy, copied outside of it. In a process with two virtual devices."""

import subprocess
import sys

SCRIPT = """
import keras, numpy as np, tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
import tf_softpool as tsp
def count(model):
    return int(tf.convert_to_tensor(model.optimizer.iterations.value))
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
x, y = np.random.default_rng(0).normal(size=(8, 8, 8, 3)).astype("float32"), np.zeros((8, 2))
with strategy.scope():
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.MaxPooling2D(2),
                              keras.layers.Flatten(), keras.layers.Dense(2)])
    model.compile("adam", "mse")
model.fit(x, y, verbose=0)
new, report = tsp.replace_pooling(model, {"max": "sorted"})
assert new.distribute_strategy is strategy
assert all(len(v.value.values) == 2 for v in new.trainable_variables)
assert report.check.carried == 4 and count(new) == 1
new.fit(x, y, verbose=0)
assert count(new) == 2
with strategy.scope():
    inside, _ = tsp.replace_pooling(model, {"max": "soft"})
assert inside.distribute_strategy is strategy
print("done")
"""


def test_copies_are_made_in_the_models_own_strategy():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip().endswith("done"), done.stderr[-3000:]
