"""Trains the network of `branches.py` in one of several ways, and writes its weights.

Usage: python train.py folder ways layer ... Ways are names of functions below, with commas between, and
each writes a file of its name. A layer is the name of a class. If several processes train together,
`TF_CONFIG` says who they are.
"""

import os
import socket
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import branches
import keras
import numpy as np


def trained(model, data):
    """Trains a model that is compiled, and returns the model."""
    branches.start(model)
    model.fit(data, epochs=1, verbose=0)
    return model


def batches(names):
    """Returns the examples as a dataset. Every step takes a batch, whatever the number of devices is."""
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(branches.examples(names)).batch(
        branches.BATCH, drop_remainder=True
    )


def plain(names):
    """Trains on one device."""
    return trained(branches.compiled(branches.network(names)), batches(names))


def mirrored(names):
    """Trains on two virtual devices of one process."""
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    assert strategy.num_replicas_in_sync == 2
    with strategy.scope():
        model = branches.compiled(branches.network(names))
    return trained(model, batches(names))


def take_step(model, optimizer, x, y):
    """Makes one step on a part of a batch, as `fit` does. Returns nothing."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        made = model(x, training=True)
        errors = [tf.reduce_mean((made[name] - y[name]) ** 2, -1) for name in made]
        loss = tf.reduce_sum(errors) / branches.BATCH
    variables = model.trainable_variables
    optimizer(tape.gradient(loss, variables), variables)


def workers(names):
    """Trains in two processes, with a loop of its own: `fit` of Keras 3 does not know two processes."""
    import tensorflow as tf

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    assert strategy.num_replicas_in_sync == 2
    with strategy.scope():
        model = branches.compiled(branches.network(names))
    branches.start(model)

    @tf.function
    def step(batch):
        strategy.run(lambda x, y: take_step(model, model.optimizer.apply, x, y), batch)

    for batch in strategy.experimental_distribute_dataset(batches(names)):
        step(batch)
    return model


def servers(names):
    """Trains on two workers, one step after the other, with the weights on a third server.

    All servers are in this process, and are talked to as if they were not.
    """
    import tensorflow as tf

    ports = free_ports(3)
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports[1:]], "ps": [f"127.0.0.1:{ports[0]}"]}
    spec = tf.train.ClusterSpec(cluster)
    running = [
        tf.distribute.Server(spec, job, i) for job, of_job in cluster.items() for i in range(len(of_job))
    ]
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(spec, rpc_layer="grpc")
    strategy = tf.distribute.ParameterServerStrategy(resolver)
    coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
    with strategy.scope():
        model = branches.network(names)
    branches.start(model)

    def descend(gradients, variables):
        for gradient, variable in zip(gradients, variables, strict=True):
            lower = variable.value - branches.RATE * gradient
            variable.value.assign(lower if variable.constraint is None else variable.constraint(lower))

    @tf.function
    def step(x, y):
        take_step(model, descend, x, y)

    for batch in batches(names):
        coordinator.schedule(step, batch)
        coordinator.join()
    assert len(running) == 3
    return model


def free_ports(count):
    """Returns the numbers of free ports of this machine."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def prepare():
    """Makes two virtual devices, which stop at ops that are not deterministic."""
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()


if __name__ == "__main__":
    folder, ways, *names = sys.argv[1:]
    if "mirrored" in ways:
        prepare()
    for way in ways.split(","):
        found = {w.path: keras.ops.convert_to_numpy(w) for w in globals()[way](names).weights}
        np.savez(os.path.join(folder, f"{way}.npz"), **found)
