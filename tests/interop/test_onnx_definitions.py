"""Operators that ONNX itself defines by others are read by their definitions."""

import numpy as np
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from striate.errors import GraphError
from striate.interop.onnx.backend import Backend

RANDOM = np.random.default_rng(3)
QUERIES, KEYS, VALUES = (RANDOM.standard_normal((2, n, 8)).astype(np.float32) for n in (3, 5, 5))
SCORES = RANDOM.standard_normal((4, 3)).astype(np.float32)

CASES = {
    "by a fixed function": ("SwiGLU", [SCORES, SCORES[::-1].copy()], {}),
    "by what its inputs are": (
        "Attention",
        [QUERIES, KEYS, VALUES],
        {"q_num_heads": 2, "kv_num_heads": 2, "is_causal": 1},
    ),
    "with defaults": ("SoftmaxCrossEntropyLoss", [SCORES, np.array([0, 2, 1, 1])], {}),
}


def node_of(kind, inputs, attributes):
    names = [f"v{i}" for i in range(len(inputs))]
    return helper.make_node(kind, names, ["y"], name="node", **attributes)


@pytest.mark.parametrize("case", CASES)
def test_defined_operators_compute_what_onnx_says(case):
    kind, inputs, attributes = CASES[case]
    node = node_of(kind, inputs, attributes)
    (found,) = Backend.run_node(node, inputs)
    feeds = dict(zip(node.input, inputs, strict=True))
    (expected,) = ReferenceEvaluator(node).run(None, feeds)
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (
            ("SwiGLU", [SCORES], {}),
            "node: node 'node' (SwiGLU, opset 28): 1 inputs; SwiGLU takes 2 to 2",
        ),
        (
            ("SwiGLU", [SCORES, SCORES], {"strange": 1}),
            "node: node 'node' (SwiGLU, opset 28): attribute 'strange' is none that SwiGLU has in "
            "this opset",
        ),
        (
            ("Attention", [QUERIES, KEYS, VALUES], {"q_num_heads": "two"}),
            "node: node 'node' (Attention, opset 28): attribute 'q_num_heads' is of another type "
            "than Attention has in this opset",
        ),
        (
            ("Attention", [QUERIES, KEYS, VALUES], {"q_num_heads": 2, "softmax_precision": 99}),
            "node: node 'node' (Attention, opset 28): not supported; express it with others when "
            "exporting, or load the part of the model without it",
        ),
    ],
)
def test_what_no_definition_covers(case, message):
    with pytest.raises(GraphError) as error:
        Backend.run_node(node_of(*case), case[1])
    assert str(error.value) == message
