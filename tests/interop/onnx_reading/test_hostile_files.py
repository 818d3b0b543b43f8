"""Files that lie, or are damaged: a clear error, soon, and without much memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

import striate as st
from striate.errors import FileError
from striate.interop.onnx import from_onnx, load_onnx

F = np.float32


CUT = "not an ONNX model, or cut short: fetch or export it anew"


def test_files_that_are_none(tmp_path, refused, stored):
    assert refused(tmp_path / "no.onnx") == "no such file; give the path of an .onnx file"
    assert refused(tmp_path) == "no such file; give the path of an .onnx file"
    assert refused("nul\0.onnx") == "no such file; give the path of an .onnx file"
    nothing = "the model holds no graph that gives an output: the file is damaged"
    assert refused(stored(b"")) == nothing
    assert refused(stored(b"PK\x03\x04 an archive, not a model")) == CUT
    assert refused(stored(np.random.default_rng(0).bytes(5000))) == CUT


def test_files_cut_short(model, stored, refused):
    whole = model("y = Conv (x, w)", w=np.ones((4, 2, 3, 3), F)).SerializeToString()
    assert refused(stored(whole[:-100])) == CUT


def test_a_name_that_is_no_text(model, stored, refused):
    made = model("name = Relu (x) y = Neg (name)").SerializeToString()
    damaged = made.replace(b"name", b"n\xffme")
    assert refused(stored(damaged)) == ("the name b'n\\xffme' is not UTF-8: the file is damaged")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: setattr(t, "raw_data", t.raw_data[:-1]),
            "287 bytes; float32 of shape (4, 2, 3, 3) takes 288: the file is damaged",
        ),
        (
            lambda t: t.dims.extend([2**62, 2**62]),
            "288 bytes; float32 of shape (4, 2, 3, 3, 4611686018427387904, 4611686018427387904) "
            f"takes {288 * 2**124:,}: the file is damaged",
        ),
        (
            lambda t: (t.dims.extend([0, 2**62, 2**62]), t.ClearField("raw_data")),
            "shape (4, 2, 3, 3, 0, 4611686018427387904, 4611686018427387904) has sizes that no "
            "machine holds: the file is damaged",
        ),
        (
            lambda t: t.dims.append(-1),
            "shape (4, 2, 3, 3, -1) has a negative size: the file is damaged",
        ),
        (
            lambda t: t.dims.extend([1] * 40),
            "44 axes; arrays have at most 32: the file is damaged",
        ),
        (
            lambda t: setattr(t, "data_type", 77),
            "element type 77 is none of ONNX's: the file is damaged or newer than this version of "
            "striate",
        ),
        (
            lambda t: setattr(t, "data_type", 14),
            "elements are complex64; striate has whole numbers, booleans and floats: export the "
            "part of the model behind it",
        ),
        (
            lambda t: (t.ClearField("raw_data"), t.float_data.extend([1.0] * 3)),
            "3 elements; shape (4, 2, 3, 3) takes 72: the file is damaged",
        ),
        (
            lambda t: (
                t.ClearField("raw_data"),
                setattr(t, "data_type", TensorProto.UINT8),
                t.int32_data.extend([256] * 72),
            ),
            "elements do not fit uint8: the file is damaged",
        ),
        (
            lambda t: t.segment.CopyFrom(TensorProto.Segment(begin=0, end=1)),
            "tensors in segments are not part of ONNX files: save it whole",
        ),
    ],
)
def test_tensors_that_hold_something_else(model, stored, refused, change, message):
    made = model("y = Conv (x, w)", w=np.ones((4, 2, 3, 3), F))
    change(made.graph.initializer[0])
    assert refused(stored(made)) == f"m: initializer 'w': {message}"


def nested(depth):
    output = [helper.make_tensor_value_info("r", TensorProto.FLOAT, None)]
    node = helper.make_node("Relu", ["x"], ["r"])
    for _ in range(depth):
        inner = helper.make_graph([node], "t", [], output)
        node = helper.make_node("If", ["c"], ["r"], then_branch=inner, else_branch=inner)
    return node


def test_graphs_deep_in_each_other(model, stored, refused):
    made = model("r = Relu (x)", outputs="float[] r", c=np.array(True))
    made.graph.node[0].CopyFrom(nested(4))
    assert [node.operator.onnx for node in load_onnx(stored(made)).graph.nodes] == ["Relu"]

    def field(number, data):  # of a protocol buffer, length first
        length, size = bytearray(), len(data)
        while size > 127:
            length.append(size & 127 | 128)
            size >>= 7
        return bytes([number << 3 | 2]) + bytes([*length, size]) + data

    deep = b""
    for _ in range(3000):
        deep = field(1, field(5, field(6, deep)))  # a graph's node's attribute's graph
    assert refused(stored(field(7, deep))) == CUT


def test_two_gigabytes_claimed_in_a_kilobyte_cost_nothing(model, stored):
    """What is claimed is neither made nor computed with; the process stays small."""
    body = """
        a = ConstantOfShape <value = float[1] {1.0}> (s)
        b = Neg (a) c = Add (b, b) d = Concat <axis = 0> (c, c) e = Expand (one, s)
        f = Tile (one, s) y = ReduceSum (f)
    """
    made = model(body, s=np.array([2**28]), one=np.ones(1, F))
    made.graph.output.add().name = "d"
    made.graph.output.add().name = "e"
    path = stored(made)
    assert path.stat().st_size < 1024
    # Not getrusage: a child's starts from what its parent had.
    script = (
        "import re, sys; from pathlib import Path; from striate.interop.onnx import load_onnx\n"
        "net = load_onnx(sys.argv[1])\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(len(net.graph.nodes), re.search(r'VmHWM:\\s*(\\d+) kB', status)[1])"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    nodes, kilobytes = map(int, done.stdout.split())
    assert nodes == 6
    assert kilobytes < 500_000


def test_wide_cycles_and_long_chains_are_soon_told(stored, refused):
    nodes = [
        helper.make_node("Add", [f"v{i}", f"v{i + 1}"], [f"v{i - 1}"]) for i in range(1, 20000)
    ]
    nodes.append(helper.make_node("Add", ["v0", "v0"], ["v20000"]))
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    output = helper.make_tensor_value_info("v0", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", [value], [output])
    path = stored(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))
    assert refused(path) == (
        "m: node 'v0' (Add) waits for its own output: a graph must not have cycles"
    )


def test_many_constants_of_each_other_are_computed_within_bounds(model):
    body = "a0 = Concat <axis = 0> (w, w) " + " ".join(
        f"a{i + 1} = Concat <axis = 0> (a{i}, a{i})" for i in range(60)
    )
    net = from_onnx(model(f"{body} y = Mul (x, a60)", w=np.ones(1000, F)))
    assert sum(weight.nbytes for weight in net.weights.values()) < 2**26


def test_products_of_constants_are_left_to_the_network(model):
    arrays = {"a": np.ones((1000, 1000), F), "b": np.ones((1000, 1000), F)}
    net = from_onnx(model("c = MatMul (a, b) y = Add (x, c)", **arrays))
    assert [node.operator.onnx for node in net.graph.nodes] == ["MatMul", "Add"]


def test_load_names_the_file(tmp_path):
    path = tmp_path / "bad.onnx"
    path.write_bytes(b"bad")
    with pytest.raises(FileError) as error:
        st.load(path)
    assert str(error.value) == f"{path}: {CUT}"
    with pytest.raises(FileError) as error:
        st.load(str(path))
    assert Path(path).is_file()


@pytest.mark.parametrize(
    ("add", "what"),
    [
        (lambda graph: graph.input.add(), "an input"),
        (lambda graph: graph.output.add(), "an output"),
        (lambda graph: graph.initializer.add(), "an initializer"),
        (lambda graph: graph.node.add(), "the operator of a node"),
        (lambda graph: graph.node[0].attribute.add(), "an attribute"),
    ],
)
def test_a_million_bytes_of_nothing(model, stored, refused, add, what):
    made = model("y = Relu (x)")
    for _ in range(100_000):
        add(made.graph)
    assert refused(stored(made)) == f"{what} has no name: the file is damaged"


def test_sparse_arrays(model, stored, refused):
    made = model("y = Relu (x)")
    made.graph.sparse_initializer.add()
    assert refused(stored(made)) == (
        "m: it stores sparse tensors; striate has dense ones: export those"
    )
