"""Repairs of random graphs that do not fit."""

from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import StriateError
from striate.network import (
    diagnose,
    infer_shapes,
    settled,
)


def problem(graph, shape):
    try:
        infer_shapes(settled(graph, shape), shape)
    except StriateError as error:
        return str(error)
    return ""


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_repairs_of_random_graphs_repair(graphs, data):
    """A repaired graph is inferred once more, by itself, and gives what the repair says."""
    graph = data.draw(graphs(2))
    shape = (1, 2, *(data.draw(st.integers(1, 6)) for _ in range(2)))
    found = diagnose(graph, shape)
    assert found.fits == (not problem(graph, shape))
    assert found.fits or found.failure.message in problem(graph, shape)
    for repair in found.repairs:
        shapes = infer_shapes(settled(repair.graph, repair.input_shape), repair.input_shape)
        assert repair.output_shapes == tuple(shapes[name] for name in repair.graph.outputs)
        assert len(repair.graph.outputs) == len(graph.outputs)
