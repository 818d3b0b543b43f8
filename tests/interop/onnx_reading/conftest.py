"""What tests of reading ONNX share: models written as text."""

import numpy as np
import onnx.parser
import pytest
from onnx import numpy_helper

from striate.interop.onnx import from_onnx


@pytest.fixture
def model():
    """Return model(body, inputs, outputs, opset, name=array...): an `onnx.ModelProto`."""

    def build(body, inputs="float[N, 2, 8, 8] x", outputs="float[] y", opset=17, **arrays):
        imports = f'["" : {opset}, "my" : 1, "ai.onnx.ml" : 3, "com.microsoft" : 1]'
        text = f"<ir_version: 8, opset_import: {imports}> g ({inputs}) => ({outputs}) {{ {body} }}"
        made = onnx.parser.parse_model(text)
        for name, array in arrays.items():
            made.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
        return made

    return build


@pytest.fixture
def read(model):
    """Return read(...): the network of what `model` makes of the same arguments."""

    def build(*arguments, input_shape=None, **settings):
        return from_onnx(model(*arguments, **settings), input_shape=input_shape)

    return build


@pytest.fixture
def operators(read):
    """Return operators(...): what the nodes of that network compute."""

    def build(*arguments, **settings):
        return [node.operator for node in read(*arguments, **settings).graph.nodes]

    return build
