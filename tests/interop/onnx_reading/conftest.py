"""What tests of reading ONNX share: models written as text."""

import time

import numpy as np
import onnx.parser
import pytest
from onnx import numpy_helper

from striate.errors import StriateError
from striate.interop.onnx import from_onnx, load_onnx


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


@pytest.fixture
def stored(tmp_path):
    """Return stored(model): its path."""

    def write(made, name="m.onnx"):
        path = tmp_path / name
        path.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
        return path

    return write


@pytest.fixture
def refused():
    """Return refused(path): what is said instead of reading it, within 2 seconds."""

    def read(path):
        start = time.perf_counter()
        with pytest.raises(StriateError) as error:
            load_onnx(path)
        assert time.perf_counter() - start < 2
        return str(error.value).removeprefix(f"{path}: ")

    return read
