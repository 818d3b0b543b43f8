"""What striate does not read of ONNX, and the nearest way that works."""

from __future__ import annotations

from collections.abc import Collection

from striate.errors import GraphError, UnknownNameError
from striate.interop.onnx.writing.emission import onnx_module

__all__ = ["refusal"]

_QUANTISED = "striate runs floating-point models: load the float model that it was made from"
_SEQUENCE = "striate has no sequences or optional values: export the model with tensors alone"
_TEXT = "striate has no text: load the part of the model behind it"
_RANDOM = "it draws random numbers: export the model in inference mode, or feed them as an input"
_RECURRENT = "striate runs feed-forward networks: unroll the recurrence when exporting"
_CONTROL = (
    "striate runs graphs without loops or branches: unroll it when exporting, or simplify the "
    "model with onnx-simplifier for fixed input sizes"
)
_DATA = "the shape of what it gives depends on data: load the part of the model before it"
_TRAINING = "it belongs to training: export the model for inference"
_SIGNAL = "it prepares signals: compute it before the network and feed the result"

WAYS_OUT = {
    **dict.fromkeys(
        (
            "QuantizeLinear",
            "DequantizeLinear",
            "DynamicQuantizeLinear",
            "QLinearConv",
            "QLinearMatMul",
            "ConvInteger",
            "MatMulInteger",
        ),
        _QUANTISED,
    ),
    **dict.fromkeys(
        (
            "SequenceAt",
            "SequenceConstruct",
            "SequenceEmpty",
            "SequenceErase",
            "SequenceInsert",
            "SequenceLength",
            "SequenceMap",
            "SplitToSequence",
            "ConcatFromSequence",
            "Optional",
            "OptionalGetElement",
            "OptionalHasElement",
        ),
        _SEQUENCE,
    ),
    **dict.fromkeys(
        (
            "StringConcat",
            "StringNormalizer",
            "StringSplit",
            "RegexFullMatch",
            "TfIdfVectorizer",
            "ImageDecoder",
        ),
        _TEXT,
    ),
    **dict.fromkeys(
        (
            "RandomNormal",
            "RandomNormalLike",
            "RandomUniform",
            "RandomUniformLike",
            "Multinomial",
            "Bernoulli",
        ),
        _RANDOM,
    ),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), _RECURRENT),
    **dict.fromkeys(("Loop", "Scan", "If"), _CONTROL),
    **dict.fromkeys(("NonZero", "Compress", "Unique", "NonMaxSuppression"), _DATA),
    **dict.fromkeys(
        (
            "Gradient",
            "Momentum",
            "Adam",
            "Adagrad",
        ),
        _TRAINING,
    ),
    **dict.fromkeys(
        ("DFT", "STFT", "MelWeightMatrix"),
        _SIGNAL,
    ),
}

DOMAINS = {
    "ai.onnx.ml": "striate runs neural networks: feed what the other learners give as an input",
    "ai.onnx.training": _TRAINING,
    "ai.onnx.preview.training": _TRAINING,
    "com.microsoft": "it is ONNX Runtime's own, written by its optimiser: load the model from "
    "before optimisation",
}
_OTHER = (
    "striate knows the operators of ai.onnx and the functions that a model carries: export "
    "without it, or save the model with the operator as a local function"
)


def refusal(place: str, domain: str, kind: str, known: Collection[str]) -> GraphError:
    """Return the error for an operator that is in no table."""
    if domain:
        way = DOMAINS.get(domain, _OTHER)
    elif kind in WAYS_OUT:
        way = WAYS_OUT[kind]
    elif onnx_module().defs.has(kind):
        way = "express it with others when exporting, or load the part of the model without it"
    else:
        way = str(UnknownNameError.of("operator", kind, known))
    return GraphError(f"{place}: not supported; {way}")
