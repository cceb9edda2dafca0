"""Damage to the graph of a SavedModel that still is a graph.

Each function takes a `SavedModel` message and a random generator, and changes the message. `of_folder` makes
damage to folders of them.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tensorflow.core.framework import attr_value_pb2
from tensorflow.core.protobuf import saved_model_pb2

_NUMBERS = [-(2**63), -1, 0, 1, 2**31 - 1, 2**31, 2**40, 2**62]
_OPS = [
    *("MaxPool", "AvgPool", "MaxPoolGrad", "AvgPoolGrad", "Softpool>SoftPool", "MaxPool3D", "Mean", "Max"),
    *("NoOp", "Const", "Placeholder", "Identity", "VarHandleOp", "PartitionedCall", "If", "While", "Switch"),
    *("Merge", "Reshape", "Fill", "Nothing", "", "Conv2D", "RestoreV2", "Assert", "Cast", "MaxPoolV2"),
]


def nodes(proto: Any) -> list[Any]:
    """Returns all nodes of the graphs and of their functions."""
    graphs = [meta.graph_def for meta in proto.meta_graphs]
    found = [node for graph in graphs for node in graph.node]
    return found + [node for graph in graphs for each in graph.library.function for node in each.node_def]


def _near_pooling(proto: Any, random: Random) -> Any:
    """Returns a node, which often pools."""
    found = nodes(proto)
    pools = [node for node in found if "Pool" in node.op]
    return random.choice(pools if pools and random.random() < 0.5 else found)


def change_an_attribute(proto: Any, random: Random) -> None:
    """Gives an attribute of a node another value or another type."""
    node = _near_pooling(proto, random)
    names = sorted(node.attr) or ["ksize"]
    value = node.attr[random.choice([*names, *names, "ksize", "T", "padding", "data_format", "shape"])]
    kind = value.WhichOneof("value")
    if kind == "list" and random.random() < 0.7:
        numbers = [random.choice([*_NUMBERS, 2, 3]) for _ in range(random.choice([0, 1, 3, 4, 5, 200]))]
        value.list.i[:] = numbers
    elif kind == "s" and random.random() < 0.7:
        value.s = random.choice([b"", b"\xff\xfe", b"NCHW", b"EXPLICIT", b"x" * 9999, b"SAME"])
    elif kind == "type" and random.random() < 0.7:
        value.type = random.choice([0, 1, 2, 3, 7, 10, 14, 19, 20, 101, 120])
    else:
        value.CopyFrom(
            random.choice(
                [
                    attr_value_pb2.AttrValue(),
                    attr_value_pb2.AttrValue(i=random.choice(_NUMBERS)),
                    attr_value_pb2.AttrValue(b=True),
                    attr_value_pb2.AttrValue(s=b"\xff"),
                    attr_value_pb2.AttrValue(type=1),
                    attr_value_pb2.AttrValue(placeholder="x"),
                    attr_value_pb2.AttrValue(func=attr_value_pb2.NameAttrList(name="nothing")),
                ]
            )
        )


def drop_an_attribute(proto: Any, random: Random) -> None:
    """Leaves out an attribute of a node."""
    node = _near_pooling(proto, random)
    if node.attr:
        del node.attr[random.choice(sorted(node.attr))]


def change_inputs(proto: Any, random: Random) -> None:
    """Connects a node to another node, to itself, to nothing, or to fewer or more nodes."""
    node, others = _near_pooling(proto, random), nodes(proto)
    other = random.choice(
        [
            node.name,
            random.choice(others).name,
            "nothing",
            "",
            "^",
            ":",
            "x:y:z",
            f"{node.name}:99",
            "^nothing",
        ]
    )
    choice = random.randrange(3)
    if node.input and choice == 0:
        node.input[random.randrange(len(node.input))] = other
    elif node.input and choice == 1:
        del node.input[random.randrange(len(node.input))]
    else:
        node.input.append(other)


def change_an_op(proto: Any, random: Random) -> None:
    """Gives a node another op."""
    _near_pooling(proto, random).op = random.choice(_OPS)


def rename_a_node(proto: Any, random: Random) -> None:
    """Gives a node a name that it cannot have, or that another node has."""
    names = ["", "/", "^x", "a b", "é", "x" * 5000, ":0", random.choice(nodes(proto)).name]
    _near_pooling(proto, random).name = random.choice(names)


def drop_a_node(proto: Any, random: Random) -> None:
    """Leaves out a node or repeats one."""
    graph = random.choice(proto.meta_graphs).graph_def
    holders = [graph.node, *(each.node_def for each in graph.library.function)]
    holder = random.choice([each for each in holders if each])
    if random.random() < 0.5:
        del holder[random.randrange(len(holder))]
    else:
        holder.add().CopyFrom(random.choice(holder))


def change_a_constant(proto: Any, random: Random) -> None:
    """Declares another shape, type or content for a constant."""
    constants = [node.attr["value"].tensor for node in nodes(proto) if node.op == "Const"]
    if not constants:
        return
    tensor = random.choice(constants)
    choice = random.randrange(4)
    if choice == 0:
        del tensor.tensor_shape.dim[:]
        for _ in range(random.choice([1, 2, 4, 300])):
            tensor.tensor_shape.dim.add(size=random.choice([*_NUMBERS, 2**16]))
    elif choice == 1:
        tensor.dtype = random.choice([0, 1, 3, 7, 9, 20, 21, 200])
    elif choice == 2:
        tensor.tensor_content = random.randbytes(random.choice([0, 1, 4, 1000]))
    else:
        tensor.int_val[:] = [random.choice([-1, 2**31 - 1, 0])] * random.choice([1, 4])


def change_a_function(proto: Any, random: Random) -> None:
    """Makes a function call itself, return nothing, or have another name or other arguments."""
    functions = [f for meta in proto.meta_graphs for f in meta.graph_def.library.function]
    if not functions:
        return
    function = random.choice(functions)
    choice = random.randrange(5)
    if choice == 0:
        calls = [node for node in function.node_def if "f" in node.attr]
        node = random.choice(calls) if calls else random.choice(function.node_def)
        node.op = "StatefulPartitionedCall"
        node.attr["f"].func.name = function.signature.name
    elif choice == 1:
        function.ret.clear()
    elif choice == 2:
        function.signature.name = random.choice(["", "x", random.choice(functions).signature.name])
    elif choice == 3:
        del function.signature.input_arg[:]
    else:
        for key in sorted(function.ret):
            function.ret[key] = random.choice(["nothing:0", "", "x", ":"])


def change_a_signature(proto: Any, random: Random) -> None:
    """Names other tensors, types or shapes in a signature, or no tensors."""
    meta = random.choice(proto.meta_graphs)
    signature = meta.signature_def[random.choice(sorted(meta.signature_def) or ["serving_default"])]
    side = random.choice([signature.inputs, signature.outputs])
    info = side[random.choice([*sorted(side), "é x"])]
    choice = random.randrange(5)
    if choice == 0:
        info.name = random.choice(["", "nothing", "nothing:0", ":", "^x", "x:y", f"{info.name}9"])
    elif choice == 1:
        info.dtype = random.choice([0, 3, 7, 20, 500])
    elif choice == 2:
        del info.tensor_shape.dim[:]
        for _ in range(random.choice([0, 1, 4, 8, 300])):
            info.tensor_shape.dim.add(size=random.choice([-1, 0, 3, 2**40, -5]))
    elif choice == 3:
        info.coo_sparse.values_tensor_name = "x:0"
    else:
        side.clear()


def change_an_object(proto: Any, random: Random) -> None:
    """Refers to objects and functions that are not there, or in circles."""
    objects = [o for meta in proto.meta_graphs for o in meta.object_graph_def.nodes]
    if not objects:
        return
    found = random.choice(objects)
    choice = random.randrange(6)
    if choice == 0 and found.children:
        random.choice(found.children).node_id = random.choice([-1, 0, 1, 2, 10**6, 2**31 - 1])
    elif choice == 1 and found.children:
        random.choice(found.children).local_name = random.choice(
            ["", "__class__", "__dict__", "é", "a.b", "_"]
        )
    elif choice == 2:
        found.user_object.identifier = random.choice(["", "_tf_keras_model", "signature_map", "x" * 5000])
    elif choice == 3:
        found.function.concrete_functions.append("nothing")
    elif choice == 4:
        found.asset.asset_file_def_index = random.choice([-1, 0, 7, 2**31 - 1])
    else:
        found.variable.dtype = random.choice([0, 1, 20, 99])
        found.variable.shape.dim.add(size=random.choice(_NUMBERS))


def change_the_frame(proto: Any, random: Random) -> None:
    """Changes what is around the graph: tags, the saver, assets and collections."""
    meta = random.choice(proto.meta_graphs)
    choice = random.randrange(7)
    if choice == 0:
        meta.meta_info_def.tags[:] = random.choice([[], ["x"], ["serve", "serve"], [""]])
    elif choice == 1:
        meta.saver_def.restore_op_name = random.choice(["", "nothing", ":", meta.graph_def.node[0].name])
    elif choice == 2:
        meta.saver_def.filename_tensor_name = random.choice(["", "nothing:0", "x"])
    elif choice == 3:
        asset = meta.asset_file_def.add()
        asset.filename = random.choice(["../../outside", "/etc/passwd", "", "é"])
        asset.tensor_info.name = random.choice(["", "nothing:0", f"{meta.graph_def.node[0].name}:0"])
    elif choice == 4:
        meta.collection_def["saved_model_main_op"].node_list.value.append(
            random.choice(["", "nothing", ":0"])
        )
    elif choice == 5:
        meta.graph_def.versions.producer = random.choice([-1, 0, 10**6])
        meta.graph_def.versions.min_consumer = random.choice([0, 10**6])
    else:
        proto.meta_graphs.add().CopyFrom(meta)


Change = Callable[[Any, Random], None]
CHANGES: list[Change] = [
    change_an_attribute,
    drop_an_attribute,
    change_inputs,
    change_an_op,
    rename_a_node,
    drop_a_node,
    change_a_constant,
    change_a_function,
    change_a_signature,
    change_an_object,
    change_the_frame,
]


def of_folder(change: Change) -> Callable[[Path, Random, Path], None]:
    """Returns damage to the folder of a SavedModel."""

    def damage(path: Path, random: Random, outside: Path) -> None:
        file, proto = path / "saved_model.pb", saved_model_pb2.SavedModel()
        proto.ParseFromString(file.read_bytes())
        change(proto, random)
        file.write_bytes(proto.SerializeToString())

    return damage
