"""`from_torch`: a module, or what PyTorch exported of it, as a network."""

from __future__ import annotations

import difflib
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.export.graph_signature import (
    ConstantArgument,
    InputKind,
    InputSpec,
    OutputKind,
    TensorArgument,
)
from torch.fx import Node as FxNode
from torch.utils import _pytree as tree

from striate.errors import GraphError, ParameterError
from striate.interop.torch.reading import (  # noqa: F401  (they fill the table)
    activations,
    comparisons,
    creation,
    elementwise,
    indexing,
    layers,
    pooling,
    reductions,
    resizing,
    shaping,
)
from striate.interop.torch.reading.export import (
    ShapeLike,
    decomposed,
    example_inputs,
    exported,
)
from striate.interop.torch.reading.fitting import exported_as_if_it_fitted
from striate.interop.torch.reading.mutation import SAME, is_known, word_of, writes
from striate.interop.torch.reading.naming import path_of
from striate.interop.torch.reading.places import place_of
from striate.interop.torch.reading.table import TABLE
from striate.interop.torch.reading.translation import Translation
from striate.network import Network

__all__ = ["read", "read_as_if_it_fitted"]


def read(
    module: torch.nn.Module | ExportedProgram,
    input_shape: ShapeLike | Sequence[ShapeLike] | Mapping[str, ShapeLike] | None,
    inputs: Any,
) -> Network:
    """Return a module as a network; see `striate.interop.torch.from_torch`."""
    if isinstance(module, ExportedProgram):
        return _network(decomposed(module), "exported", None)
    if not isinstance(module, torch.nn.Module):
        raise ParameterError(
            f"from_torch: module is {type(module).__name__}; give a torch.nn.Module or a "
            "torch.export.ExportedProgram"
        )
    name = type(module).__name__
    example = example_inputs(module, input_shape, inputs)
    program, closed = exported(module, example)
    try:
        return _network(program, name, module)
    except GraphError:
        if closed is None:
            raise
    return _network(closed(), name, module)


def read_as_if_it_fitted(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> Network:
    """Return a module that fails on these inputs as the network that it is up to the fault and on.

    Raises
    ------
    Exception
        Whatever PyTorch raises, if it cannot be read even so.
    """
    program = decomposed(exported_as_if_it_fitted(module, inputs))
    return _network(program, type(module).__name__, module)


def _network(program: ExportedProgram, name: str, module: torch.nn.Module | None) -> Network:
    translation = Translation(program, name, module)
    _refuse_unknown(program, name)
    _refuse_state(program, name)
    specs = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
    state = {**program.state_dict, **program.constants}
    for node in program.graph.nodes:
        if node.op == "placeholder":
            translation.values[node] = _placed(translation, node, specs[node.name], state)
        elif node.op == "call_function":
            _call(translation, node)
    graph = translation.graph(_outputs(translation, program))
    weights = {p.name: translation.weights[p.name] for p in graph.parameters}
    return Network(graph, weights)


def _placed(t: Translation, node: FxNode, spec: InputSpec, state: Mapping[str, Any]) -> Any:
    """Return what an input of the program is: a weight, a constant, or an input of the network."""
    if spec.kind is InputKind.USER_INPUT:
        if isinstance(spec.arg, ConstantArgument):
            return spec.arg.value
        return t.input(node.name, node.meta["val"])
    tensor = state[spec.target or ""]
    if spec.kind is InputKind.CONSTANT_TENSOR:
        return tensor.cpu()
    shared = t.shared(tensor)
    if shared is not None:
        return shared
    trainable = spec.kind is InputKind.PARAMETER and tensor.requires_grad
    return t.keep(spec.target or node.name, tensor, trainable=trainable)


def _call(t: Translation, node: FxNode) -> None:
    """Note what a call becomes: a number, a constant, part of a tuple, or nodes."""
    target, meta = node.target, node.meta.get("val")
    if target is operator.getitem:
        t.values[node] = t.values[node.args[0]][node.args[1]]  # type: ignore[index]
    elif isinstance(meta, torch.SymInt | torch.SymBool | torch.SymFloat | int | float | bool):
        t.values[node] = meta
    elif isinstance(target, torch._ops.OpOverload) and _constant(t, node):
        t.current = node
        args, kwargs = tree.tree_map(lambda a: _actual(t, a), (node.args, dict(node.kwargs)))
        kwargs = {k: torch.device("cpu") if k == "device" else v for k, v in kwargs.items()}
        t.values[node] = target(*args, **kwargs)
    elif word_of(target) in TABLE:
        t.translate(node, TABLE[word_of(target)])
        if writes(target) or word_of(target) in SAME:
            t.share(node)
        if writes(target):
            t.rewrite(node)


def _actual(t: Translation, argument: Any) -> Any:
    return t.values[argument] if isinstance(argument, FxNode) else argument


def _constant(t: Translation, node: FxNode) -> bool:
    """Say whether a call follows from constants alone, and gives one that is small enough."""
    values = [t.values[argument] for argument in node.all_input_nodes]
    known = all(isinstance(value, torch.Tensor | int | float | bool) for value in values)
    meta = node.meta.get("val")
    fixed = isinstance(meta, torch.Tensor) and all(isinstance(size, int) for size in meta.shape)
    target: Any = node.target
    random = torch.Tag.nondeterministic_seeded in target.tags
    return known and fixed and not random and "empty" not in str(target)


def _refuse_unknown(program: ExportedProgram, name: str) -> None:
    """Raise GraphError for the first operator that has no counterpart."""
    for node in program.graph.nodes:
        if node.op != "call_function":
            continue
        target = node.target
        if "local_scalar_dense" in str(target) or str(target).startswith("aten.item"):
            raise GraphError(
                f"{name}: {path_of(node) or 'forward'} reads a number out of a tensor"
                f"{place_of(node)}; keep it a tensor"
            )
        if is_known(node):
            continue
        if isinstance(target, torch._ops.OpOverload) and (
            torch.Tag.nondeterministic_seeded in target.tags
        ):
            raise GraphError(
                f"{name}: {path_of(node) or 'forward'} draws random numbers{place_of(node)}; "
                "give them as an input, or keep them in a buffer"
            )
        raise GraphError(
            f"{name}: {path_of(node) or 'forward'} calls {target}, which has no counterpart"
            f"{place_of(node)}; {_nearest(target)}"
        )


def _nearest(target: Any) -> str:
    """Return what to write instead; other libraries' operators are near to none of PyTorch."""
    plain = word_of(target).partition(".")[0] if str(target).startswith("aten.") else ""
    known = sorted({key.partition(".")[0].strip("_") for key in TABLE})
    near = difflib.get_close_matches(plain, known, n=3, cutoff=0.75)
    if near:
        return f"the nearest that have one are {', '.join(near)}: write it with these"
    return "write it with convolutions, matrix products and element-wise operators"


def _refuse_state(program: ExportedProgram, name: str) -> None:
    for spec in program.graph_signature.output_specs:
        if spec.kind in (OutputKind.BUFFER_MUTATION, OutputKind.USER_INPUT_MUTATION):
            what = "input" if spec.kind is OutputKind.USER_INPUT_MUTATION else "buffer"
            raise GraphError(
                f"{name}: forward changes its {what} {spec.target!r}: a network keeps no state; "
                "compute a new tensor in place of changing it"
            )


def _outputs(t: Translation, program: ExportedProgram) -> list[tuple[str, Any]]:
    """Return the outputs' names, "" where they have none, and their values."""
    final = next(node for node in program.graph.nodes if node.op == "output")
    specs = program.graph_signature.output_specs
    labels = _labels(program)
    found = []
    for label, spec, value in zip(labels, specs, final.args[0], strict=True):
        if isinstance(spec.arg, TensorArgument):
            found.append((label, t.values[value]))
    if not found:
        raise GraphError(
            f"{t.name}: forward returns no tensor; return one, a tuple or a dictionary"
        )
    return found


def _labels(program: ExportedProgram) -> list[str]:
    """Return the keys of dictionaries that outputs lie in, joined by dots, "" for none."""
    spec = program.call_spec.out_spec
    count = len(program.graph_signature.output_specs)
    if spec is None:
        return [""] * count
    whole = tree.tree_unflatten(range(spec.num_leaves), spec)
    labels = []
    for path, _ in tree.tree_leaves_with_path(whole):
        named = any(isinstance(key, tree.MappingKey | tree.GetAttrKey) for key in path)
        labels.append(".".join(_key(key) for key in path) if named else "")
    return labels if len(labels) == count else [""] * count


def _key(key: Any) -> str:
    for attribute in ("key", "name", "idx"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key)
