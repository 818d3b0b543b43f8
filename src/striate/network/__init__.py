"""Networks as immutable graphs: shapes, receptive fields and costs; never the compiler."""

from striate.network import operators, zoo
from striate.network.builder import Builder
from striate.network.defined import Deferred, Defined
from striate.network.doctor import Diagnosis, diagnose
from striate.network.graph import (
    FLOAT,
    Constant,
    Fields,
    Graph,
    Initial,
    Input,
    Node,
    Operator,
    Parameter,
    Shape,
)
from striate.network.images import Preprocessing
from striate.network.inference import InputShape, infer_kinds, infer_shapes, input_shapes
from striate.network.inspection import (
    Budget,
    Comparison,
    FieldSummary,
    Layer,
    Report,
    Totals,
    Training,
    check,
    compare,
    explain,
    inspect,
)
from striate.network.model import Network
from striate.network.seeing import infer_fields, reach, reached
from striate.network.settling import settings_inputs, settled

__all__ = [
    "FLOAT",
    "Budget",
    "Builder",
    "Comparison",
    "Constant",
    "Deferred",
    "Defined",
    "Diagnosis",
    "FieldSummary",
    "Fields",
    "Graph",
    "Initial",
    "Input",
    "InputShape",
    "Layer",
    "Network",
    "Node",
    "Operator",
    "Parameter",
    "Preprocessing",
    "Report",
    "Shape",
    "Totals",
    "Training",
    "check",
    "compare",
    "diagnose",
    "explain",
    "infer_fields",
    "infer_kinds",
    "infer_shapes",
    "input_shapes",
    "inspect",
    "operators",
    "reach",
    "reached",
    "settings_inputs",
    "settled",
    "zoo",
]
