"""Thousands of damaged models, made from a few whole ones: only striate's own errors come out."""

import random
import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from striate.errors import StriateError
from striate.interop.onnx import from_onnx, load_onnx
from striate.interop.onnx.reading.tables import READERS

F = np.float32
SECONDS = 2
WHOLE_NUMBERS = (0, 1, -1, 2, 3, 7, 31, 33, 64, -2, 255, 2**15, 2**31, -(2**31), 2**32, 2**62)
NUMBERS = (0.0, -1.0, 1e38, float("nan"), float("inf"), -float("inf"), 1e-45, 0.5, 2.0)
WORDS = ("", "x", "y", "axis", "SAME_LOWER", "VALID", "reflect", "nearest", "linear")


def whole(*numbers):
    return np.array(numbers, np.int64)


@pytest.fixture
def corpus(model):
    """Return a few small models that use most of what can be read."""
    layers = """
        c = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2]> (x, w, b)
        n = BatchNormalization (c, s, s, s, s) r = Clip (n, zero, six)
        p = MaxPool <kernel_shape = [2, 2], strides = [2, 2], auto_pad = "SAME_LOWER"> (r)
        g1 = GlobalAveragePool (p) f = Flatten (g1) y = Gemm <transB = 1, alpha = 2.0> (f, v, b)
    """
    shapes = """
        h = Shape (x) n = Gather (h, zero) u = Unsqueeze (n, first) t = Concat <axis = 0> (u, rest)
        r = Reshape (x, t) z = Slice (r, first, two, rest) y = Resize <mode = "linear"> (x, , scale)
        e = Expand (zero, two) a = Range (zero, six, one) k = CumSum (r, one) q = Pad (x, pads)
        i, j = TopK (r, two) l = Split <axis = 1> (x, ones) o = Cast <to = 1> (a)
    """
    made = """
        w = ConstantOfShape <value = float[1] {0.5}> (s) c = Conv (x, w) m = ReduceMean (c)
        t = ConvTranspose <output_shape = [9, 9], strides = [2, 2]> (c, w) v = Transpose (t)
        q = MatMul (v, d) y = LayerNormalization (q, k) z = If <then_branch = g (float[] a) {
        a = Relu (x) }, else_branch = g (float[] a) { a = Neg (x) }> (yes) l = Softmax (z)
    """
    made = made.replace("g (float[] a)", "g () => (float[] a)")
    ones = np.ones(4, F)
    return {
        "layers": model(
            layers,
            w=np.ones((4, 2, 3, 3), F),
            b=ones,
            s=ones,
            zero=F(0),
            six=F(6),
            v=np.eye(4, dtype=F),
        ),
        "shapes": model(
            shapes,
            outputs="float[] y, float[] z, float[] e, float[] o, float[] k, float[] q, float[] i",
            zero=np.array(0),
            six=np.array(6),
            one=np.array(1),
            first=whole(0),
            two=whole(2),
            rest=whole(-1),
            ones=whole(2),
            scale=np.array([1, 1, 2, 2], F),
            pads=whole(0, 0, 1, 1, 0, 0, 1, 1),
        ),
        "made": model(
            made,
            outputs="float[] y, float[] l",
            s=whole(2, 2, 3, 3),
            d=np.ones((2, 3), F),
            k=np.ones(3, F),
            yes=np.array(True),
        ),
    }


def damaged(data, rng):
    """Return bytes of a file of which a few were changed, lost or added."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5, 8))):
        place = rng.randrange(len(found) + 1)
        what = rng.randrange(6)
        if what == 0 and place < len(found):
            found[place] ^= 1 << rng.randrange(8)
        elif what == 1 and place < len(found):
            found[place] = rng.choice((0, 1, 2, 127, 128, 255))
        elif what == 2:
            del found[place : place + rng.randrange(1, 9)]
        elif what == 3:
            found[place:place] = rng.randbytes(rng.randrange(1, 9))
        elif what == 4:
            other = rng.randrange(len(found) + 1)
            found[place:place] = found[other : other + rng.randrange(1, 40)]
        elif rng.random() < 0.2:
            del found[place:]
    return bytes(found)


def messages(message):
    """Return a message and all those in it."""
    found = [message]
    for field, value in message.ListFields():
        if field.message_type is not None:
            inner = (
                [value]
                if isinstance(value, type(message)) or hasattr(value, "ListFields")
                else value
            )
            found.extend(deep for one in inner for deep in messages(one))
    return found


def drawn(field, rng):
    """Return a value that a field of a message may have, or not."""
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return rng.choice(NUMBERS)
    if field.type == field.TYPE_STRING:
        return rng.choice((*WORDS, *READERS)) if field.name == "op_type" else rng.choice(WORDS)
    if field.type == field.TYPE_BYTES:
        return rng.choice((rng.randbytes(8), np.array(rng.choice(WHOLE_NUMBERS)).tobytes()))
    if field.type == field.TYPE_ENUM:
        return rng.choice([value.number for value in field.enum_type.values])
    limit = 2**63 if field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64) else 2**31
    least = 0 if field.cpp_type in (field.CPPTYPE_UINT32, field.CPPTYPE_UINT64) else -limit
    return min(max(rng.choice(WHOLE_NUMBERS), least), limit - 1)


def change(message, rng):
    """Change one field of a message that is set."""
    fields = message.ListFields()
    if not fields:
        return
    field, value = rng.choice(fields)
    several = not isinstance(value, str | bytes | int | float) and not hasattr(value, "ListFields")
    if several:
        place = rng.randrange(len(value))
        what = rng.randrange(3)
        if what == 0:
            del value[place]
        elif field.message_type is not None:
            value.add().CopyFrom(value[place])
        elif what == 1:
            value[place] = drawn(field, rng)
        else:
            value.append(drawn(field, rng))
    elif field.message_type is None:
        setattr(message, field.name, drawn(field, rng))
    elif rng.random() < 0.3:
        message.ClearField(field.name)


def changed(model, rng):
    """Return a model of which a few fields are others."""
    found = type(model)()
    found.CopyFrom(model)
    for _ in range(rng.choice((1, 1, 2, 3))):
        change(rng.choice(messages(found)), rng)
    if found.graph.node and rng.random() < 0.2:
        node = rng.choice(found.graph.node)
        name = rng.choice(("axis", "axes", "pads", "strides", "group", "to", "alpha", "perm", "k"))
        several = [rng.choice(WHOLE_NUMBERS) for _ in range(rng.randrange(1, 5))]
        value = rng.choice((several[0], several, rng.choice(NUMBERS), "text"))
        node.attribute.append(helper.make_attribute(name, value))
    return found


def outcome(read, *arguments):
    """Return the name of the error, or "read"; it must be one of striate's, and soon there."""
    start = time.perf_counter()
    try:
        read(*arguments)
        found = "read"
    except StriateError as error:
        found = type(error).__name__
    assert time.perf_counter() - start < SECONDS
    return found


def test_the_corpus_is_whole(corpus):
    assert {name: len(from_onnx(made).graph.nodes) for name, made in corpus.items()} == {
        "layers": 7,
        "shapes": 10,
        "made": 7,
    }


@pytest.mark.parametrize("count", [1000, pytest.param(20000, marks=pytest.mark.slow)])
def test_bytes_that_changed(corpus, count, tmp_path):
    rng = random.Random(count)
    files = [made.SerializeToString() for made in corpus.values()]
    path = tmp_path / "m.onnx"
    found = set()
    for _ in range(count):
        path.write_bytes(damaged(rng.choice(files), rng))
        found.add(outcome(load_onnx, path))
    assert {"read", "FileError", "GraphError"} <= found


@pytest.mark.parametrize("count", [1000, pytest.param(20000, marks=pytest.mark.slow)])
def test_fields_that_changed(corpus, count):
    rng = random.Random(count)
    models = list(corpus.values())
    found = {outcome(from_onnx, changed(rng.choice(models), rng)) for _ in range(count)}
    assert {"read", "FileError", "GraphError", "ParameterError"} <= found


@pytest.mark.parametrize("kind", sorted(READERS))
def test_every_operator_with_nothing_it_wants(kind):
    """Nodes of each operator, of every opset, with too many, too few and wrong inputs."""
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 4, 4])
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    for opset in (6, 7, 9, 10, 11, 12, 13, 16, 18, 21, 25, onnx.defs.onnx_opset_version()):
        for inputs in ([], [""], ["x"], ["x", "x"], ["x", "", "x"], ["x"] * 6):
            node = helper.make_node(kind, inputs, ["y", "z"])
            graph = helper.make_graph([node], "g", [value], [output])
            made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
            outcome(from_onnx, made)
