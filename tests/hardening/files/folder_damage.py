"""Damage to the folders of SavedModels, and SavedModels whose graphs do more than compute.

Each function takes the path of a valid folder, a random generator and a folder outside that no reader may
write to. It changes the folder, or puts another SavedModel in its place.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import tensorflow as tf
from byte_damage import BYTE_DAMAGE
from tensorflow.core.protobuf import saved_model_pb2

v1 = tf.compat.v1
_SPEC = tf.TensorSpec([None, 4, 4, 1])


def damage_a_file(path: Path, random: Random, outside: Path) -> None:
    """Damages the bytes of a file."""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    file = random.choice([*files, *[each for each in files if each.suffix in (".pb", ".index")]])
    file.write_bytes(random.choice(BYTE_DAMAGE)(file.read_bytes(), random))


def leave_out_a_file(path: Path, random: Random, outside: Path) -> None:
    """Leaves out a file, or has an empty folder in its place."""
    file = random.choice(sorted(file for file in path.rglob("*") if file.is_file()))
    file.unlink()
    if random.random() < 0.4:
        file.mkdir()


def text_in_its_place(path: Path, random: Random, outside: Path) -> None:
    """Has a graph as text that is none."""
    file = path / "saved_model.pb"
    file.unlink()
    texts = ["", "meta_graphs {", "x: 1", "\0", "meta_graphs { graph_def { node {" * 200, "é" * 99]
    file.with_suffix(".pbtxt").write_bytes(random.choice(texts).encode("latin1"))


def links_to_folders(path: Path, random: Random, outside: Path) -> None:
    """Has links to the folder itself, through which a walk never ends."""
    (path / "variables").mkdir(exist_ok=True)
    for i in range(3):
        (path / f"assets.extra{i}").symlink_to(path)
        (path / "variables" / f"up{i}").symlink_to("..")


def link_to_a_device(path: Path, random: Random, outside: Path) -> None:
    """Has a link to a device that can be read without end."""
    (path / "assets").mkdir(exist_ok=True)
    (path / "assets" / "zeros").symlink_to("/dev/zero")


def weights_are_a_device(path: Path, random: Random, outside: Path) -> None:
    """Has a device in the place of a file."""
    file = path / random.choice(["saved_model.pb", "config.json", "model.weights.h5", "metadata.json"])
    file.unlink(missing_ok=True)
    file.symlink_to(random.choice(["/dev/zero", "/dev/null", str(path), "nothing", file.name]))


def pipe(path: Path, random: Random, outside: Path) -> None:
    """Has a pipe that nobody writes to."""
    name = random.choice(["assets.extra", "saved_model.pb", "config.json", "model.weights.h5"])
    file = path / name
    if file.is_file():
        file.unlink()
    if file.is_dir() or name == "assets.extra":
        file.mkdir(exist_ok=True)
        file = file / "pipe"
    os.mkfifo(file)


def link_to_the_root(path: Path, random: Random, outside: Path) -> None:
    """Has a link to a folder that is not part of the model."""
    (path / "assets").mkdir(exist_ok=True)
    (path / "assets" / "system").symlink_to("/usr")


class _Pooling(tf.Module):
    """A model that pools, and does something else besides, which a function of an image is given for."""

    def __init__(self, act: Callable[[Any], Any]) -> None:
        super().__init__()
        self._act = act

    @tf.function(input_signature=[_SPEC])
    def __call__(self, x: Any) -> Any:
        pooled = tf.nn.max_pool2d(x, 2, 2, "VALID")
        return {"y": self._act(pooled)}


class _Resource(tf.saved_model.experimental.TrackableResource):
    """A resource that writes a file when it is made, which is when the model is loaded."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self._file = file

    def _create_resource(self) -> Any:
        return tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64, shared_name="table")

    def _initialize(self) -> None:
        tf.io.write_file(self._file, "written")


def _saved(path: Path, act: Callable[[Any], Any], **parts: Any) -> None:
    shutil.rmtree(path)
    module = _Pooling(act)
    for name, part in parts.items():
        setattr(module, name, part)
    tf.saved_model.save(module, str(path), signatures=module.__call__)


def _after(act: Callable[[], Any]) -> Callable[[Any], Any]:
    """Returns a function that does something before it returns its argument."""

    def run(x: Any) -> Any:
        with tf.control_dependencies([act()]):
            return tf.identity(x)

    return run


def write_in_a_signature(path: Path, random: Random, outside: Path) -> None:
    """Writes a file whenever it is run."""
    _saved(path, _after(lambda: tf.io.write_file(str(outside / "signature.txt"), "written")))


def print_to_a_file(path: Path, random: Random, outside: Path) -> None:
    """Prints to a file whenever it is run."""
    place = f"file://{outside}/printed.txt"
    _saved(path, _after(lambda: tf.raw_ops.PrintV2(input="printed", output_stream=place)))


def save_in_a_signature(path: Path, random: Random, outside: Path) -> None:
    """Saves numbers whenever it is run."""
    file = str(outside / "saved")
    _saved(path, _after(lambda: tf.raw_ops.Save(filename=file, tensor_names=["x"], data=[tf.ones(3)])))


def summarize_in_a_signature(path: Path, random: Random, outside: Path) -> None:
    """Writes a summary for TensorBoard whenever it is run."""

    def act() -> Any:
        writer = tf.raw_ops.SummaryWriter(shared_name="w", container="")
        made = tf.raw_ops.CreateSummaryFileWriter(
            writer=writer, logdir=str(outside), max_queue=1, flush_millis=1, filename_suffix="x"
        )
        with tf.control_dependencies([made]):
            return tf.raw_ops.FlushSummaryWriter(writer=writer)

    _saved(path, _after(act))


def cache_in_a_signature(path: Path, random: Random, outside: Path) -> None:
    """Writes a cache of a data set whenever it is run."""

    def act() -> Any:
        data = tf.data.Dataset.range(3).cache(str(outside / "cache"))
        return data.reduce(tf.constant(0, "int64"), lambda a, b: a + b)

    _saved(path, _after(act))


def run_python(path: Path, random: Random, outside: Path) -> None:
    """Calls a function of Python, by a number that another process gave it."""
    call = lambda x: tf.numpy_function(lambda y: y, [x], tf.float32)  # noqa: E731
    _saved(path, call)


def write_when_loaded(path: Path, random: Random, outside: Path) -> None:
    """Writes a file when its objects are made."""
    _saved(path, tf.identity, resource=_Resource(str(outside / "loaded.txt")))


def _tensorflow_1(path: Path, make: Callable[[], Any], where: str) -> None:
    """Writes a SavedModel of TensorFlow 1 that runs an op when it is loaded, or restored."""
    shutil.rmtree(path)
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder("float32", [None, 4, 4, 1], "x")
        kernel = v1.get_variable("kernel", initializer=[1.0], use_resource=True)
        y = tf.identity(tf.nn.max_pool2d(x, 2, 2, "VALID", name="pool") * kernel, "y")
        session.run(v1.global_variables_initializer())
        op = make()
        builder = v1.saved_model.Builder(str(path))
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {"serving_default": signature},
            main_op=op if where == "init" else None,
        )
        builder.save()
    if where == "restore":
        proto = saved_model_pb2.SavedModel()
        proto.ParseFromString((path / "saved_model.pb").read_bytes())
        for node in proto.meta_graphs[0].graph_def.node:
            if node.name == proto.meta_graphs[0].saver_def.restore_op_name:
                node.input.append(f"^{op.name}")
        (path / "saved_model.pb").write_bytes(proto.SerializeToString())


def write_when_initialized(path: Path, random: Random, outside: Path) -> None:
    """Writes a file in the op that initialises the graph."""
    _tensorflow_1(path, lambda: tf.io.write_file(str(outside / "init.txt"), "written"), "init")


def write_when_restored(path: Path, random: Random, outside: Path) -> None:
    """Writes a file in the op that restores the variables."""
    _tensorflow_1(path, lambda: tf.io.write_file(str(outside / "restore.txt"), "written"), "restore")


def endless_loop(path: Path, random: Random, outside: Path) -> None:
    """Computes without end whenever it is run."""
    _saved(path, lambda y: tf.while_loop(lambda z: tf.reduce_sum(z) < 1e30, lambda z: (z * 0.5,), [y])[0])


def huge_result(path: Path, random: Random, outside: Path) -> None:
    """Computes a tensor of four terabytes."""
    _saved(path, lambda y: y + tf.reduce_sum(tf.fill([2**20, 2**20], tf.reduce_sum(y))))


def read_in_a_shape(path: Path, random: Random, outside: Path) -> None:
    """Reads a file to know a shape, which TensorFlow does while the graph is loaded."""
    _saved(path, lambda y: tf.reshape(y, tf.io.decode_raw(tf.io.read_file("/etc/passwd"), tf.int32)[:1]))


RANDOM = [damage_a_file, leave_out_a_file, text_in_its_place]
LINKS = [links_to_folders, link_to_a_device, weights_are_a_device, pipe, link_to_the_root]
ACTIVE = [
    write_in_a_signature,
    print_to_a_file,
    save_in_a_signature,
    summarize_in_a_signature,
    cache_in_a_signature,
    run_python,
    write_when_loaded,
    write_when_initialized,
    write_when_restored,
    endless_loop,
    huge_result,
    read_in_a_shape,
]
