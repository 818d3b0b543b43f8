"""ONNX's own conformance suite, and the count of it.

Every case is run: those left out, which `onnx_left_out.toml` lists with reasons, must fail.
"""

import fnmatch
import tomllib
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.backend.test import BackendTest
from onnx.backend.test.loader import load_model_tests

from striate.errors import StriateError
from striate.interop import from_onnx, to_onnx
from striate.interop.onnx.backend import Backend, Prepared
from striate.interop.onnx.reading import working_precision

LEFT_OUT = tomllib.loads(Path(__file__).with_name("onnx_left_out.toml").read_text())["left_out"]
KINDS = {
    "node": "NodeModel",
    "pytorch-converted": "PyTorchConvertedModel",
    "pytorch-operator": "PyTorchOperatorModel",
    "real": "RealModel",
    "simple": "SimpleModel",
}


class Suite(BackendTest):
    """The suite, which notes the largest error of the case that ran last."""

    def run(self, case):
        """Run a case by its name, kind/name; return its error relative to the largest output."""
        kind, name = case.split("/")
        self.errors = [0.0]
        self._test_items[KINDS[kind]][f"{name}_cpu"].func(None)
        return max(self.errors)

    def assert_similar_outputs(self, ref_outputs, outputs, rtol, atol, model_dir=None):
        super().assert_similar_outputs(ref_outputs, outputs, rtol, atol, model_dir)
        for wanted, found in zip(ref_outputs, outputs, strict=True):
            if wanted.size and wanted.dtype.kind == "f" and np.isfinite(wanted).all():
                largest = np.abs(wanted.astype(np.float64)).max() or 1.0
                self.errors.append(float(np.abs(wanted - found).max() / largest))


class WeightsKnown(Backend):
    """Fixes all inputs of a model but the first, as if they were its weights."""

    class Waiting:
        def __init__(self, model):
            self.model = model

        def run(self, inputs):
            fixed = onnx.ModelProto()
            fixed.CopyFrom(self.model)
            rest = list(fixed.graph.input)[1:]
            arrays = [np.asarray(array) for array in inputs[1:]]
            for value, array in zip(rest, arrays, strict=True):
                fixed.graph.initializer.append(numpy_helper.from_array(array, value.name))
                fixed.graph.input.remove(value)
            return Backend.run_model(fixed, inputs[:1])

    @classmethod
    def prepare(cls, model, device="CPU"):
        return cls.Waiting(model)


class Double(Backend):
    """Runs models of float32 in float64."""

    class Widened(Prepared):
        def run(self, inputs):
            inputs = [a.astype(np.float64) if a.dtype == np.float32 else a for a in inputs]
            found = super().run(inputs)
            return tuple(a.astype(np.float32) if a.dtype == np.float64 else a for a in found)

    @classmethod
    def prepare(cls, model, device="CPU"):
        return cls.Widened(from_onnx(model), np.dtype(np.float64))


class Again(Backend):
    """Writes what was read, and runs what is read from that."""

    @classmethod
    def prepare(cls, model, device="CPU"):
        precision, _ = working_precision(model.graph)
        written = to_onnx(from_onnx(model), dtype=precision)
        onnx.checker.check_model(written, full_check=True)
        return super().prepare(written)


def model_of(case):
    if case.model is not None:
        return case.model
    light = case.url and Path(onnx.__file__).parent.parent / case.url
    return onnx.load(light or Path(case.model_dir, "model.onnx"), load_external_data=False)


def operators_of(graph):
    found = set()
    for node in graph.node:
        found.add(f"{node.domain}.{node.op_type}" if node.domain else node.op_type)
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                found |= operators_of(inner)
    return found


def types_of(graph):
    """Return the element types of a graph's inputs and outputs, or what they are instead."""
    names = onnx.TensorProto.DataType.Name
    found = set()
    for value in [*graph.input, *graph.output]:
        what = value.type.WhichOneof("value")
        tensor = what == "tensor_type"
        found.add(names(value.type.tensor_type.elem_type).lower() if tensor else what[:-5])
    return found


def matches(name, case):
    """Return the rows of the table that a case fits, each with the entry that it fits."""
    graph = model_of(case).graph
    have = {"operators": operators_of(graph), "types": types_of(graph)}
    found = [
        (i, item)
        for i, row in enumerate(LEFT_OUT)
        for key in ("operators", "types", "cases")
        for item in row.get(key, ())
        if (fnmatch.fnmatchcase(name, item) if key == "cases" else item in have[key])
    ]
    return have["types"], found


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the suite's own arithmetic, while it makes its cases
    CASES = {f"{kind}/{case.name}": case for kind in KINDS for case in load_model_tests(kind=kind)}
TYPES, MATCHED = ({}, {})
for name, case in CASES.items():
    TYPES[name], MATCHED[name] = matches(name, case)
ATTEMPTED = [name for name in CASES if not MATCHED[name]]
SINGLE = [name for name in ATTEMPTED if not name.startswith("real/")]
EVERY = Suite(Backend, __name__)
KNOWN = Suite(WeightsKnown, __name__)
DOUBLE = Suite(Double, __name__)
AGAIN = Suite(Again, __name__)


@pytest.fixture(autouse=True)
def models_folder(tmp_path, monkeypatch):
    """Let the suite keep the inputs of its networks here, not in the user's folder."""
    monkeypatch.setenv("ONNX_MODELS", str(tmp_path))


@pytest.mark.parametrize("name", ATTEMPTED)
def test_case(name, record_property):
    record_property("error", EVERY.run(name))
    record_property("case", name)


@pytest.mark.parametrize("name", [name for name in CASES if MATCHED[name]])
def test_left_out(name, record_property):
    row = LEFT_OUT[MATCHED[name][0][0]]
    failures = (StriateError,) if row.get("refused", True) else (StriateError, AssertionError)
    with pytest.raises(failures):
        EVERY.run(name)
    record_property("left out", row["reason"])
    record_property("case", name)


def test_the_table_lists_nothing_in_vain():
    used = {match for found in MATCHED.values() for match in found}
    listed = {
        (i, item)
        for i, row in enumerate(LEFT_OUT)
        for key in ("operators", "types", "cases")
        for item in row.get(key, ())
    }
    assert listed - used == set()


@pytest.mark.parametrize(
    "name",
    [n for n in ATTEMPTED if n.startswith("node/") and len(CASES[n].model.graph.input) > 1],
)
def test_case_with_weights_known(name):
    KNOWN.run(name)


@pytest.mark.parametrize(
    "name", [n for n in SINGLE if "float" in TYPES[n] and "double" not in TYPES[n]]
)
def test_case_in_float64(name):
    DOUBLE.run(name)


@pytest.mark.parametrize("name", SINGLE)
def test_case_written_again(name):
    AGAIN.run(name)


def test_the_page_counts_the_same_cases():
    page = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text(encoding="utf-8")
    counts = Counter(LEFT_OUT[found[0][0]]["reason"] for found in MATCHED.values() if found)
    if f"with onnx {onnx.__version__}." in page:
        assert f"Of {len(CASES):,} cases, {len(ATTEMPTED):,} are attempted" in page
        rows = [f"| {reason} | {count:,} |" for reason, count in counts.items()]
    else:  # other releases have other cases
        rows = [f"| {reason} |" for reason in counts]
    assert [row for row in rows if row not in page] == []
