"""Nodes get the paths of the user's modules as names; what no output needs is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch.fx import Node as FxNode

from striate.network import Constant, Graph, Input, Node, Parameter
from striate.network.operators import Identity

__all__ = ["Emitted", "base", "finished", "path_of"]

WORDS = {
    "_native_batch_norm_legit_no_training": "batch_norm",
    "_native_batch_norm_legit": "batch_norm",
    "_unsafe_view": "view",
    "_to_copy": "to",
    "_safe_softmax": "softmax",
    "_softmax": "softmax",
    "_log_softmax": "log_softmax",
    "max_pool2d_with_indices": "max_pool2d",
    "clone": "dropout",
}
"""What users call operators that exported programs give longer names."""


@dataclass(frozen=True)
class Emitted:
    """A node of the graph, and the node of the program that it comes from."""

    node: Node
    origin: FxNode | None


def _modules(origin: FxNode) -> tuple[str, str, str]:
    """Return (call, path, class) of the innermost module that a node belongs to."""
    stack = origin.meta.get("nn_module_stack") or {}
    calls = [(call, *entry) for call, entry in stack.items() if not call.startswith("_empty")]
    if not calls:
        return "", "", ""
    call, path, kind = calls[-1]
    kind = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
    return call, path.partition("@")[0], kind


def path_of(origin: FxNode) -> str:
    """Return the path of the module that a node belongs to, "" for the outermost."""
    return _modules(origin)[1]


def base(origin: FxNode) -> str:
    """Return what the user calls a node's operator."""
    target = str(origin.target).removeprefix("aten.").partition(".")[0]
    if not target.startswith("_"):
        target = target.rstrip("_")  # what writes into its operand
    return WORDS.get(target, target)


def finished(
    name: str,
    inputs: Sequence[Input],
    parameters: Mapping[str, Parameter],
    constants: Mapping[str, Constant],
    emitted: Sequence[Emitted],
    outputs: Sequence[tuple[str, str]],
) -> Graph:
    """Return the graph of what the outputs need, its nodes named after the user's modules.

    A module of PyTorch's own gives its name to the last node of its call, as do modules that do
    one thing; all other nodes are called after module and operator: "layer1.0.add".
    """
    emitted, outputs = _own_outputs(emitted, outputs)
    needed, kept = {value for _, value in outputs}, []
    for one in reversed(emitted):
        if not needed.isdisjoint(one.node.outputs):
            needed.update(one.node.inputs)
            kept.append(one)
    kept.reverse()
    taken = {value.name for value in inputs} | (needed & {*parameters, *constants})
    given = {value: label for label, value in outputs if label}
    promised = set(given.values()) - taken
    renamed: dict[str, str] = {}
    nodes = []
    for one, label in zip(kept, _labels(kept), strict=True):
        own = {given[value] for value in one.node.outputs if value in given}
        title = _unique(label, taken, promised - own)
        count = len(one.node.outputs)
        for place, output in enumerate(one.node.outputs):
            wanted = given.get(output, title if count == 1 else f"{title}.{place}")
            renamed[output] = wanted if wanted == title else _unique(wanted, taken, promised - own)
        read = tuple(renamed.get(value, value) for value in one.node.inputs)
        made = tuple(renamed[value] for value in one.node.outputs)
        nodes.append(replace(one.node, name=title, inputs=read, outputs=made))
    return Graph(
        name,
        tuple(inputs),
        tuple(p for p in parameters.values() if p.name in needed),
        tuple(nodes),
        tuple(renamed.get(value, value) for _, value in outputs),
        tuple(c for c in constants.values() if c.name in needed),
    )


def _own_outputs(
    emitted: Sequence[Emitted], outputs: Sequence[tuple[str, str]]
) -> tuple[list[Emitted], list[tuple[str, str]]]:
    """Give every output a value of its own: one that two share, or that is an input, is copied."""
    made = {value for one in emitted for value in one.node.outputs}
    result, found, seen = list(emitted), [], set()
    for label, value in outputs:
        if value in seen or value not in made:
            copy = f"%{len(result)}.0"
            result.append(Emitted(Node(copy, Identity(), (value,), (copy,)), None))
            value = copy
        seen.add(value)
        found.append((label, value))
    return result, found


def _labels(kept: Sequence[Emitted]) -> list[str]:
    """Return the name that each node should have, before names are made unique."""
    calls = [_modules(one.origin) if one.origin else ("", "", "") for one in kept]
    last = {call: place for place, (call, _, _) in enumerate(calls)}
    origins: dict[str, set[FxNode | None]] = {}
    for one, (call, _, _) in zip(kept, calls, strict=True):
        origins.setdefault(call, set()).add(one.origin)
    parents = {path[:at] for _, path, _ in calls for at, sign in enumerate(path) if sign == "."}
    ends = {one.origin: place for place, one in enumerate(kept)}
    labels = []
    for place, (one, (call, path, kind)) in enumerate(zip(kept, calls, strict=True)):
        plain = kind.startswith("torch.nn.modules") and "container" not in kind
        alone = len(origins[call]) == 1 and path not in parents
        if path and place == last[call] and (plain or alone):
            labels.append(path)
            continue
        whole = one.origin is not None and ends[one.origin] == place
        word = base(one.origin) if whole and one.origin else one.node.operator.onnx.lower()
        labels.append(f"{path}.{word}" if path else word)
    return labels


def _unique(label: str, taken: set[str], promised: set[str]) -> str:
    fresh, count = label, 0
    while fresh in taken or fresh in promised:
        count += 1
        fresh = f"{label}_{count}"
    taken.add(fresh)
    return fresh
