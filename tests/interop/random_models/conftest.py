"""Random ONNX models: of many operators and opsets, open sizes, computed shapes, several ends."""

from __future__ import annotations

import runpy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from onnxruntime.capi import onnxruntime_pybind11_state as state

REFUSALS = (RuntimeError, state.Fail, state.InvalidArgument, state.InvalidGraph)
LARGEST = 1e3  # values beyond it say more about rounding than about the operator

onnxruntime.set_default_logger_severity(4)


def session(model):
    """Return an ONNX Runtime session that keeps to one thread and to the model as it is."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def declared(name, array, shape=None):
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    return helper.make_tensor_value_info(name, kind, array.shape if shape is None else shape)


@dataclass
class Maker:
    """Nodes one by one, each computed as soon as it is made."""

    random: np.random.Generator
    opset: int
    values: dict[str, Any] = field(default_factory=dict)
    exact: set[str] = field(default_factory=set)  # free of rounding: safe to compare or to round
    nodes: list[Any] = field(default_factory=list)
    inputs: dict[str, Any] = field(default_factory=dict)
    initializers: dict[str, Any] = field(default_factory=dict)
    count: int = 0

    def pick(self, items):
        items = list(items)
        return items[self.random.integers(len(items))]

    def chance(self, share):
        return bool(self.random.random() < share)

    def some(self, kind="float32", ranks=range(1, 6), exact=False, below=40000):
        """Return the name of a value, rather a late one; None if there is none."""
        fit = [
            name
            for name, value in self.values.items()
            if str(value.dtype) == kind
            and value.ndim in ranks
            and 0 < value.size < below
            and (not exact or name in self.exact)
        ]
        if not fit:
            return None
        late = fit[-4:] if self.chance(0.75) else fit
        return self.pick(late)

    def weight(self, *shape, scale=None):
        scale = scale or 1.0 / max(1.0, np.prod(shape[1:])) ** 0.5
        return self.constant((scale * self.random.standard_normal(shape)).astype(np.float32))

    def constant(self, array):
        """Return the name of an array: an initializer or, at times, a node Constant."""
        self.count += 1
        name = f"c{self.count}"
        array = np.asarray(array)
        if self.chance(0.3):
            tensor = numpy_helper.from_array(array, name)
            self.nodes.append(helper.make_node("Constant", [], [name], name=name, value=tensor))
            self.initializers[name] = None
        else:
            self.initializers[name] = numpy_helper.from_array(array, name)
        self.given[name] = array
        return name

    @property
    def given(self):
        return self.__dict__.setdefault("_given", {})

    def node(self, operator, inputs, outputs=1, exact=False, keep=True, **attributes):
        """Add a node if ONNX Runtime computes it to something sensible; return its outputs."""
        self.count += 1
        names = [f"v{self.count}_{i}" for i in range(outputs)]
        made = helper.make_node(operator, inputs, names, name=f"n{self.count}", **attributes)
        known = {n: self.values.get(n, self.given.get(n)) for n in inputs if n}
        arrays = self._computed(made, known)
        if arrays is None:
            return None
        self.nodes.append(made)
        free = exact and all(n in self.exact or n in self.given for n in inputs if n)
        for name, array in zip(names, arrays, strict=True):
            (self.values if keep else self.given)[name] = array
            if free or array.dtype.kind in "iub":
                self.exact.add(name)
        return names if outputs > 1 else names[0]

    def _computed(self, node, known):
        graph = helper.make_graph(
            [node],
            "one",
            [declared(n, a) for n, a in known.items()],
            [onnx.ValueInfoProto(name=n) for n in node.output],
        )
        try:
            arrays = session(finished(graph, self.opset)).run(None, known)
        except Exception:
            return None
        sensible = all(
            a.size and (a.dtype.kind != "f" or (np.isfinite(a).all() and abs(a).max() < LARGEST))
            for a in arrays
            if isinstance(a, np.ndarray)
        )
        return arrays if sensible else None


def finished(graph, opset):
    known = helper.VERSION_TABLE
    version = min(row[1] for row in known if row[2] >= opset)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=max(version, 4)
    )


STEPS = tuple(
    step
    for part in ("layers", "elements", "arranging")
    for step in runpy.run_path(str(Path(__file__).with_name(f"{part}.py")))["STEPS"]
)
"""Each adds one operator or a small pattern of them, or nothing where none fits."""


@dataclass(frozen=True)
class Made:
    """A model, arrays to feed it, and what ONNX Runtime computes of them."""

    model: Any
    feeds: dict[str, Any]
    expected: tuple[Any, ...]

    @property
    def shapes(self):
        return {name: array.shape for name, array in self.feeds.items()}


def fed(random):
    """Return one to three inputs: x, perhaps y that broadcasts with it, perhaps whole numbers."""
    space = [1, 2, 2, 2, 2, 3][random.integers(6)]
    shape = (2, int(random.integers(1, 7)), *(int(s) for s in random.integers(5, 10, space)))
    feeds = {"x": random.standard_normal(shape).astype(np.float32)}
    if random.random() < 0.4:
        other = [shape, shape[:2], (*shape[:2], *[1] * space)][random.integers(3)]
        feeds["y"] = random.standard_normal(other).astype(np.float32)
    if random.random() < 0.2:
        sizes = [shape[:1], shape][random.integers(2)]
        feeds["k"] = random.integers(-4, 5, sizes).astype(["int64", "int32"][random.integers(2)])
    return feeds


def make(seed, steps=14, newest=23):
    """Return a random model, the same for the same seed; None where nothing came about."""
    random = np.random.default_rng(seed)
    m = Maker(random, int(random.integers(7, newest + 1)))
    feeds = fed(random)
    m.values.update(feeds)
    m.exact.update(feeds)
    for _ in range(steps):
        m.pick(STEPS)(m)
    read = {name for node in m.nodes for name in node.input}
    ends = [name for name in m.values if name not in read and name not in feeds]
    if not ends:
        return None
    graph = helper.make_graph(
        m.nodes,
        f"random{seed}",
        [declared(n, a, opened(n, a.shape, random.integers(3))) for n, a in feeds.items()],
        [declared(n, m.values[n], [None] * m.values[n].ndim) for n in ends],
        [tensor for tensor in m.initializers.values() if tensor is not None],
    )
    model = finished(graph, m.opset)
    try:
        expected = session(model).run(None, feeds)
    except REFUSALS:  # it infers some shapes of whole graphs wrongly that it computes well
        return None
    return Made(model, feeds, tuple(expected))


def opened(name, shape, how):
    """Return a shape with nothing, the batch, or all but the channels left open."""
    sizes = list(shape)
    if how:
        sizes[0] = "N"
    if how == 2:
        sizes[2:] = [f"{name}.{axis}" for axis in range(2, len(shape))]
    return sizes


@pytest.fixture
def random_models():
    """Return random_models(first, count): so many random models, the same for the same first."""

    def models(first, count, **how):
        made = (make(seed, **how) for seed in range(first, first + count))
        return [model for model in made if model is not None]

    return models


@pytest.fixture
def onnx_runtime():
    """Return session(model): an ONNX Runtime session."""
    return session
