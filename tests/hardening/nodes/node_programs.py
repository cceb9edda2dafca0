"""XLA programs that call our handlers as no lowering of ours would: with wrong attributes, shapes, tensors.

A program is text in StableHLO. What it says of a call reaches the handler as it is.
"""

import json
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf
from node import data_type, type_name
from tensorflow.compiler.tf2xla.ops import gen_xla_ops

TYPES = {"half": "f16", "bfloat16": "bf16", "float": "f32", "double": "f64", "int32": "i32", "int64": "i64",
         "uint8": "ui8", "bool": "i1", "complex64": "complex<f32>"}  # fmt: skip
# What a lying program writes instead of a tensor's type or an attribute's type.
LIES = ("attribute", "op", "no op", "target", "result shape", "result type", "results", "width", "nothing")


@dataclass
class Program:
    """A program that calls a handler.

    Attributes:
        node: the `Node` whose inputs and attributes the call has.
        results: list of the shapes and types of the results.
        target: string, the name of the handler.
        lies: dict that says what else is changed.
    """

    node: object
    results: list
    target: str
    lies: dict = field(default_factory=dict)

    def __str__(self):
        return f"a program that calls {self.target} for {self.results} with lies {self.lies}: {self.node}"

    def text(self):
        """Returns the program in StableHLO."""
        node, width = self.node, self.lies.get("width", 64)
        attributes = [_attribute(k, a, width) for k, a in node.attributes.items() if a.kind != "type"]
        if "no op" not in self.lies:
            attributes.append(f"softpool_op = {json.dumps(self.lies.get('op', node.op))}")
        inputs = [_tensor(v.shape, type_name(v)) for v in node.inputs]
        results = [_tensor(*result) for result in self.results]
        names = [f"%in{i}" for i in range(len(inputs))]
        arguments = ", ".join(f"{n}: {t}" for n, t in zip(names, inputs, strict=True))
        returned = ", ".join(f"%out#{i}" if len(results) > 1 else "%out" for i in range(len(results)))
        bound = f"%out:{len(results)}" if len(results) > 1 else "%out"
        return f"""
module @program {{
  func.func public @main({arguments}) -> ({", ".join(results)}) {{
    {bound} = stablehlo.custom_call @{json.dumps(self.target)}({", ".join(names)}) {{
      api_version = 4 : i32, backend_config = {{{", ".join(attributes)}}}
    }} : ({", ".join(inputs)}) -> ({", ".join(results)})
    return {returned} : {", ".join(results)}
  }}
}}"""


def _tensor(shape, name):
    return f"tensor<{''.join(f'{n}x' for n in shape)}{TYPES[name]}>"


def _attribute(name, attribute, width):
    """Returns an attribute in the form that handlers read, or in one that they do not."""
    kind, value = attribute.kind, attribute.value
    if kind == "string":
        text = "".join(c if " " <= c <= "~" and c not in '"\\' else f"\\{ord(c) % 256:02X}" for c in value)
        text = f'"{text}"'
    elif kind == "bool":
        text = str(value).lower()
    elif kind == "int":
        text = f"{_clipped(value, width)} : i{width}"
    elif kind == "float":
        text = f"{float(value):e} : f{width}"
    elif kind == "list(float)":
        text = f"array<f{width}: {', '.join(f'{v:e}' for v in value)}>"
    elif kind == "list(int)":
        numbers = ", ".join(str(_clipped(v, width)) for v in value)
        text = f"array<i{width}: {numbers}>" if numbers else f"array<i{width}>"
    else:
        text = json.dumps(str(value))
    return f"{json.dumps(name)} = {text}"


def _clipped(value, width):
    return int(np.clip(value, -(2 ** (width - 1)), 2 ** (width - 1) - 1))


def run_program(program):
    """Compiles and runs a program."""
    arrays = program.node.inputs
    outputs = gen_xla_ops.xla_call_module(
        args=[tf.constant(v) for v in arrays],
        version=9,
        module=program.text(),
        Sout=[shape for shape, _ in program.results],
        Tout=[data_type(np.zeros((), np.dtype(tf.dtypes.as_dtype(name).as_numpy_dtype)))
              for _, name in program.results],
        platforms=["CPU"],
    )  # fmt: skip
    return [np.asarray(v) for v in outputs]


def lie(random, program, ops):
    """Makes a program say something that is wrong. Sizes stay small, because results need memory."""
    sort = LIES[random.integers(len(LIES))]
    at = random.integers(len(program.results))
    shape, name = program.results[at]
    if sort == "op":
        program.lies["op"] = ("Softpool>Nothing", "", ops[random.integers(len(ops))])[random.integers(3)]
    elif sort in ("no op", "width"):
        program.lies[sort] = 32
    elif sort == "target":
        program.target = ops[random.integers(len(ops))]
    elif sort == "result shape":
        shape = list(shape)
        if shape and random.integers(3):
            shape[random.integers(len(shape))] = int(random.integers(0, 9))
        else:
            shape = shape[:-1] if random.integers(2) else [*shape, 2]
        program.results[at] = (shape, name)
    elif sort == "result type":
        program.results[at] = (shape, list(TYPES)[random.integers(len(TYPES))])
    elif sort == "results":
        program.results.append((shape, name)) if random.integers(2) or at == 0 else program.results.pop()
