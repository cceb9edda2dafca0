"""The files that the C program in examples/serving_c reads: .npy files and signatures, whole and broken."""

import ast

import numpy as np
import pytest
import tensorflow as tf
from file_reader import Reader
from tensorflow.core.protobuf import meta_graph_pb2


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    return Reader(tmp_path_factory.mktemp("reader"))


TYPES = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16"]
SHAPES = [(), (0,), (3,), (2, 3), (3, 0, 2), (1,) * 31 + (5,), (1,) * 64]


def test_arrays(reader, tmp_path):
    shapes = [(t, SHAPES[2]) for t in TYPES] + [("f4", shape) for shape in SHAPES]
    arrays = [(np.arange(np.prod(shape)) % 2).reshape(shape).astype(t) for t, shape in shapes]
    paths = [tmp_path / f"{i}.npy" for i in range(len(arrays))]
    for path, array in zip(paths, arrays, strict=True):
        np.save(path, array)
    assert set(reader(paths, 500)) == {"read"}
    for path, array in zip(paths, arrays, strict=True):
        copy = np.load(f"{path}.copy")
        assert copy.dtype == array.dtype
        assert copy.shape == array.shape
        np.testing.assert_array_equal(copy, array)


def npy(text, data=b"", version=1):
    """Returns the content of a .npy file with a header of this text."""
    size = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + text.encode() + data


def header(descr="'<f4'", order="False", shape="(1,)"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


FOUR = b"1234"
BROKEN = "it has a broken .npy header"
SHORT = "it is cut short: it has fewer numbers than its header says"
UNKNOWN = "it has elements that are not numbers, or numbers of a type that is not supported"
FILES = [
    (npy(header(), FOUR), "read"),
    (npy(header(), FOUR, version=2), "read"),
    (npy(header(), FOUR, version=3), "read"),
    (npy(header(), FOUR + b"more"), "read"),
    (npy("{\"shape\":(1),'fortran_order':False,'descr':'<f4'}", FOUR), "read"),
    (npy(header(shape="()"), FOUR), "read"),
    (npy(header(shape=f"(0, {2**40},)")), "read"),
    (npy(header(), FOUR, version=9), "it is in a newer version of the .npy format"),
    (b"\x93NUMPY\1\1" + npy(header(), FOUR)[8:], "it is in a newer version of the .npy format"),
    (b"\x93NUMP", "it is not a .npy file"),
    (b"PK\x03\x04 a .npz file", "it is not a .npy file"),
    (npy(header(), FOUR)[:9], BROKEN),
    (npy(header(), FOUR)[:40], BROKEN),
    (npy(header() + " " * 10000, FOUR), BROKEN),
    (npy(""), BROKEN),
    (npy("{}"), BROKEN),
    (npy("{'descr': '<f4', 'shape': (1,)}", FOUR), BROKEN),
    (npy("{'shape': (1,), 'descr': '<f4', 'sorted': True}", FOUR), BROKEN),
    (npy(header()[:-4], FOUR), BROKEN),
    (npy(header() + "`", FOUR), BROKEN),
    (npy(header() + "\0", FOUR), BROKEN),
    (npy(header(order="Maybe"), FOUR), BROKEN),
    (npy(header(shape="(1, 2"), FOUR), BROKEN),
    (npy(header(shape="(-1,)"), FOUR), BROKEN),
    (npy(header(shape="(1.0,)"), FOUR), BROKEN),
    (npy(header(shape=f"({2**64},)"), FOUR), BROKEN),
    (npy(header(shape=str((1,) * 65)), FOUR), BROKEN),
    (npy(header(shape="(2,)"), FOUR), SHORT),
    (npy(header(shape=f"({2**62},)"), FOUR), SHORT),
    (npy(header(shape=f"({2**32}, {2**32}, 0)"), FOUR), SHORT),
    (npy(header(shape=f"(0, {2**32}, {2**32})"), FOUR), SHORT),
    (npy(header(order="True"), FOUR), "it has Fortran order: save np.ascontiguousarray(x)"),
    (npy(header("'>f4'"), FOUR), "it is big-endian: save x.astype(x.dtype.newbyteorder('<')) instead"),
    (npy(header("'|O'"), FOUR), UNKNOWN),
    (npy(header("'<U1'"), FOUR), UNKNOWN),
    (npy(header("'|V2'"), FOUR), UNKNOWN),
    (npy(header("'<M8[ns]'"), FOUR), UNKNOWN),
    (npy(header("[('a', '<f4')]"), FOUR), "it has elements that are not numbers"),
]


def test_other_files(reader, tmp_path):
    for i, (content, _) in enumerate(FILES):
        (tmp_path / f"{i}.npy").write_bytes(content)
    told = reader([tmp_path / f"{i}.npy" for i in range(len(FILES))], 2000)
    assert [*zip(told, (c for c, _ in FILES), strict=True)] == [(said, c) for c, said in FILES]


def tensor(name, dtype, shape):
    shape = tf.TensorShape(shape).as_proto()
    return meta_graph_pb2.TensorInfo(name=name, dtype=dtype.as_datatype_enum, tensor_shape=shape)


def test_signatures(reader, tmp_path):
    graph = meta_graph_pb2.MetaGraphDef()
    graph.meta_info_def.tags.append("serve")
    graph.signature_def["another"].inputs["x"].name = "wrong:0"
    signature = graph.signature_def["serving_default"]
    signature.method_name = "tensorflow/serving/predict"
    signature.inputs["image"].CopyFrom(tensor("a:0", tf.float32, [None, 8, 0, 2**40]))
    signature.inputs["any"].CopyFrom(tensor("b:1", tf.uint8, None))
    signature.inputs["number"].CopyFrom(tensor("c:0", tf.float64, []))
    signature.inputs["vast"].CopyFrom(tensor("d:0", tf.float16, [1] * 254))
    signature.inputs["sparse"].coo_sparse.values_tensor_name = "e:0"
    signature.outputs["y" * 300].CopyFrom(tensor("f:12", tf.bool, [3]))
    (tmp_path / "graph").write_bytes(graph.SerializeToString())
    read = [ast.literal_eval(line) for line in reader([tmp_path / "graph"], 20000)]
    assert read == [
        ("i", "any", "b:1", tf.uint8.as_datatype_enum, None),
        ("i", "image", "a:0", tf.float32.as_datatype_enum, [-1, 8, 0, 2**40]),
        ("i", "number", "c:0", tf.float64.as_datatype_enum, []),
        ("i", "sparse", "", 0, None),
        ("i", "vast", "d:0", tf.float16.as_datatype_enum, [1] * 254),
        ("o", "y" * 300, "f:12", tf.bool.as_datatype_enum, [3]),
    ]


def test_graphs_that_cannot_be_served(reader, tmp_path):
    without, vast = meta_graph_pb2.MetaGraphDef(), meta_graph_pb2.MetaGraphDef()
    without.signature_def["another"].inputs["x"].name = "wrong:0"
    vast.signature_def["serving_default"].inputs["x"].CopyFrom(tensor("a:0", tf.float32, [1] * 255))
    contents = {
        "without": (without.SerializeToString(), "it has no such signature"),
        "vast": (vast.SerializeToString(), "its signatures cannot be read"),
        "text": (b"This is no graph.", "its signatures cannot be read"),
    }
    for name, (content, _) in contents.items():
        (tmp_path / name).write_bytes(content)
    told = reader([tmp_path / name for name in contents], 1000)
    assert told == [said for _, said in contents.values()]
