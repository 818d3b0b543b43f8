"""Normalizations."""

from __future__ import annotations

import numpy as np

from striate.interop.onnx.reading.calls import Call
from striate.network import Initial
from striate.network import operators as op

__all__ = ["READERS"]

MOST_CHANNELS = 2**20
ZERO, ONE = Initial("constant", 0.0), Initial("constant", 1.0)
STATISTICS = "holds statistics that only training needs; read its first output alone"


def _batch(call: Call) -> None:
    epsilon, momentum = call.number("epsilon", 1e-5), call.number("momentum", 0.9)
    if not call.flag("spatial", True):
        raise call.error("spatial=0 normalizes each place by itself; export with opset 9 or newer")
    if call.opset >= 14 and call.flag("training_mode"):
        raise call.error("it is in training mode: export the model for inference")
    call.only(STATISTICS)
    call.give(
        op.BatchNormalization(epsilon, momentum),
        call.value(0),
        call.weight(1, ONE),
        call.weight(2, ZERO),
        call.weight(3, ZERO, trainable=False),
        call.weight(4, ONE, trainable=False),
    )


def _instance(call: Call) -> None:
    operator = op.InstanceNormalization(call.number("epsilon", 1e-5))
    call.give(operator, call.value(0), call.weight(1, ONE), call.weight(2, ZERO))


def _layer(call: Call) -> None:
    call.ignore("stash_type")
    statistics = any(call.outputs[1:])
    epsilon = call.number("epsilon", 1e-5)
    operator = op.LayerNormalization(call.integer("axis", -1), epsilon, statistics)
    inputs = [call.value(0), call.weight(1, ONE)]
    if call.has_input(2):
        inputs.append(call.weight(2, ZERO))
    outputs = (*call.outputs, "", "")[: 3 if statistics else 1]
    call.give(operator, *inputs, outputs=outputs)


def _group(call: Call) -> None:
    call.ignore("stash_type")
    groups = call.integer("num_groups", 0)
    operator = op.GroupNormalization(groups, call.number("epsilon", 1e-5))
    scale, bias = call.weight(1, ONE), call.weight(2, ZERO)
    if call.opset < 21:
        scale, bias = (_by_channel(call, name, groups) for name in (scale, bias))
    call.give(operator, call.value(0), scale, bias)


def _by_channel(call: Call, name: str, groups: int) -> str:
    """Return numbers for each channel, of which opset 18 had one for each group."""
    shape = call.shape_of(0)
    channels = None if shape is None or len(shape) < 2 else shape[1]
    if channels is None or groups < 1 or channels % groups:
        raise call.error(
            f"{groups} groups of {channels or 'an unknown number of'} channels; "
            "they must divide them: export with opset 21 or newer"
        )
    if channels > MOST_CHANNELS:
        raise call.error(f"{channels:,} channels; at most {MOST_CHANNELS:,} are read")
    index = call.constant(np.repeat(np.arange(groups), channels // groups), "groups")
    repeated = call.between(op.Gather(0), name, index, suffix="by-channel")
    call.translation.keep(repeated, ONE, True)
    return repeated


def _rms(call: Call) -> None:
    call.ignore("stash_type")
    operator = op.RMSNormalization(call.integer("axis", -1), call.number("epsilon", 1e-5))
    call.give(operator, call.value(0), call.weight(1, ONE))


def _lrn(call: Call) -> None:
    alpha, beta = call.number("alpha", 1e-4), call.number("beta", 0.75)
    bias = call.number("bias", 1.0)
    call.give(op.LRN(call.integer("size", 0), alpha, beta, bias), call.value(0))


def _lp(call: Call) -> None:
    call.give(op.LpNormalization(call.integer("axis", -1), call.integer("p", 2)), call.value(0))


def _mean_variance(call: Call) -> None:
    axes = call.integers("axes") or (0, 2, 3)
    call.give(op.MeanVarianceNormalization(axes), call.value(0))


READERS = {
    "BatchNormalization": _batch,
    "GroupNormalization": _group,
    "InstanceNormalization": _instance,
    "LRN": _lrn,
    "LayerNormalization": _layer,
    "LpNormalization": _lp,
    "MeanVarianceNormalization": _mean_variance,
    "RMSNormalization": _rms,
}
