"""A selection of ONNX's conformance suite as older releases of it generated the cases."""

import io
import zipfile

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from striate.errors import GraphError
from striate.interop.onnx.backend import Backend

QUANTISED = {
    "node/test_dequantizelinear",
    "node/test_dynamicquantizelinear",
    "node/test_dynamicquantizelinear_min_adjusted",
    "node/test_quantizelinear",
}


def arrays(archive, folder, what):
    """Return the inputs or outputs of a case, in order."""
    names = [name for name in archive.namelist() if name.startswith(f"{folder}/{what}_")]
    tensors = [onnx.TensorProto.FromString(archive.read(name)) for name in sorted(names)]
    return [numpy_helper.to_array(tensor) for tensor in tensors]


@pytest.mark.data
def test_cases_of_older_releases(data_folder):
    archive = zipfile.ZipFile(io.BytesIO((data_folder / "models/onnx_op_tests.zip").read_bytes()))
    cases = [n.removesuffix("/model.onnx") for n in archive.namelist() if n.endswith("model.onnx")]
    refused, failed = set(), {}
    for case in cases:
        model = onnx.load_from_string(archive.read(f"{case}/model.onnx"))
        folder = f"{case}/test_data_set_0"
        try:
            found = Backend.run_model(model, arrays(archive, folder, "input"))
        except GraphError:
            refused.add(case)
            continue
        for one, other in zip(found, arrays(archive, folder, "output"), strict=True):
            if one.dtype != other.dtype or not np.allclose(one, other, rtol=1e-3, atol=1e-5):
                failed[case] = float(np.abs(one - other).max())
    assert failed == {}
    assert refused == QUANTISED
    assert len(cases) == 106
