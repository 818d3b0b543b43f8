"""Networks as immutable graphs: shapes, receptive fields and costs; never the compiler."""

from striate.network import operators, zoo
from striate.network.builder import Builder
from striate.network.explanation import explain
from striate.network.graph import (
    Fields,
    Graph,
    Initial,
    Input,
    Node,
    Operator,
    Parameter,
    Reach,
    Shape,
)
from striate.network.inference import infer_fields, infer_shapes, reach
from striate.network.model import Network
from striate.network.report import FieldSummary, Layer, Report, Totals, inspect

__all__ = [
    "Builder",
    "FieldSummary",
    "Fields",
    "Graph",
    "Initial",
    "Input",
    "Layer",
    "Network",
    "Node",
    "Operator",
    "Parameter",
    "Reach",
    "Report",
    "Shape",
    "Totals",
    "explain",
    "infer_fields",
    "infer_shapes",
    "inspect",
    "operators",
    "reach",
    "zoo",
]
