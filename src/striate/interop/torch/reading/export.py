"""Let PyTorch export a module, the batch left open if it can be; say clearly where it cannot."""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from typing import Any

import torch
from torch.export import Dim, ExportedProgram
from torch.utils import _pytree as tree

from striate.errors import GraphError, ParameterError, ShapeError
from striate.interop.torch.reading.mutation import is_plain
from striate.interop.torch.reading.places import raised_at
from striate.interop.torch.reading.sizes import integer
from striate.interop.torch.reading.table import TABLE

__all__ = ["Inputs", "ShapeLike", "decomposed", "example_inputs", "exported", "inference"]

EXAMPLE_BATCH = 2
"""PyTorch takes sizes of 0 and 1 for special ones, and closes them."""

ShapeLike = Sequence[int | None]


class Inputs:
    """What a module is called with, and which of its tensors have the batch as their first axis."""

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.args, self.kwargs = args, kwargs
        leaves = [leaf for leaf in tree.tree_leaves((args, kwargs)) if _batched(leaf)]
        sizes = {leaf.shape[0] for leaf in leaves}
        self.batch = leaves[0].shape[0] if len(sizes) == 1 else None

    def of(self, batch: int) -> Inputs:
        """Return inputs of another batch size, with what the first example holds."""

        def sized(leaf: Any) -> Any:
            if not _batched(leaf) or leaf.shape[0] == batch or not leaf.shape[0]:
                return leaf
            return leaf[:1].expand(batch, *leaf.shape[1:]).contiguous()

        args, kwargs = tree.tree_map(sized, (self.args, self.kwargs))
        return Inputs(args, kwargs)

    @property
    def open(self) -> Any:
        """Which axes export may leave open: the first of every tensor."""

        def axes(leaf: Any) -> Any:
            return {0: Dim.AUTO} if _batched(leaf) else None

        return tree.tree_map(axes, self.args), tree.tree_map(axes, self.kwargs)

    @property
    def shapes(self) -> str:
        """The shapes of all tensors, for messages."""
        leaves = tree.tree_leaves((self.args, self.kwargs))
        shapes = [str(tuple(leaf.shape)) for leaf in leaves if isinstance(leaf, torch.Tensor)]
        return " and ".join(shapes) or "none"


def _batched(leaf: Any) -> bool:
    return isinstance(leaf, torch.Tensor) and leaf.dim() > 0


def example_inputs(
    module: torch.nn.Module,
    input_shape: ShapeLike | Sequence[ShapeLike] | Mapping[str, ShapeLike] | None,
    inputs: Any,
) -> Inputs:
    """Return tensors to export with, from shapes or from examples."""
    if inputs is not None:
        if isinstance(inputs, Mapping):
            return Inputs((), {name: inputs[name] for name in _ordered(module, inputs)})
        return Inputs(tuple(inputs) if isinstance(inputs, list | tuple) else (inputs,), {})
    if input_shape is None:
        raise ParameterError(
            f"from_torch: the input's shape of {type(module).__name__} is not known; give "
            "input_shape, as (1, 3, 224, 224), or inputs, tensors to call the module with"
        )
    like = next((p for p in module.parameters() if p.dtype.is_floating_point), None)

    def tensor(shape: ShapeLike) -> torch.Tensor:
        sizes = _sizes(shape)
        if like is None:
            return torch.zeros(sizes)
        return torch.zeros(sizes, dtype=like.dtype, device=like.device)

    if isinstance(input_shape, Mapping):
        return Inputs(
            (), {name: tensor(input_shape[name]) for name in _ordered(module, input_shape)}
        )
    if any(isinstance(size, Sequence) for size in input_shape):
        return Inputs(tuple(tensor(shape) for shape in input_shape), {})  # type: ignore[arg-type]
    return Inputs((tensor(input_shape),), {})  # type: ignore[arg-type]


def _ordered(module: torch.nn.Module, names: Iterable[str]) -> list[str]:
    """Return names in the order of forward's parameters."""
    known = list(inspect.signature(module.forward).parameters)
    return sorted(names, key=lambda name: known.index(name) if name in known else len(known))


def _sizes(shape: ShapeLike) -> tuple[int, ...]:
    sizes = tuple(shape)
    if sizes and sizes[0] is None:
        sizes = (EXAMPLE_BATCH, *sizes[1:])
    if any(not isinstance(size, int) or isinstance(size, bool) or size < 0 for size in sizes):
        raise ShapeError(
            f"from_torch: input shape {tuple(shape)} must be of whole numbers; only the first, "
            "the batch, may be None"
        )
    return tuple(size for size in sizes if size is not None)


def exported(
    module: torch.nn.Module, inputs: Inputs
) -> tuple[ExportedProgram, Callable[[], ExportedProgram] | None]:
    """Return the module's program, its batch open if it can be.

    The second is what exports it for the given batch, None if the first does so already.
    """

    def closed() -> ExportedProgram:
        with inference(module):
            try:
                return decomposed(_export(module, inputs, None))
            except Exception as error:  # PyTorch raises many kinds, the module any
                raise _explained(module, inputs, error) from None

    if inputs.batch:
        opened = inputs.of(max(inputs.batch, EXAMPLE_BATCH))
        with inference(module):
            try:
                program = decomposed(_export(module, opened, opened.open))
            except Exception:  # told for the given batch, if that fails as well
                return closed(), None
        if _is_open(program):
            return program, closed
    return closed(), None


def _is_open(program: ExportedProgram) -> bool:
    inputs = set(program.graph_signature.user_inputs)
    values = [n.meta["val"] for n in program.graph.nodes if n.name in inputs]
    return any(
        integer(size) is None
        for value in values
        if isinstance(value, torch.Tensor)
        for size in value.shape
    )


def _export(module: torch.nn.Module, inputs: Inputs, shapes: Any) -> ExportedProgram:
    dynamic = None
    if shapes is not None:
        args, kwargs = shapes
        names = _positional(module, len(args))
        dynamic = {**dict(zip(names, args, strict=True)), **kwargs}
        if len(names) and names[0].startswith("*"):
            dynamic = {names[0][1:]: tuple(args), **kwargs}
    return torch.export.export(
        module, inputs.args, inputs.kwargs, dynamic_shapes=dynamic, strict=False
    )


def _positional(module: torch.nn.Module, count: int) -> list[str]:
    """Return the names of forward's first parameters; "*name" where they are one tuple."""
    names: list[str] = []
    for parameter in inspect.signature(module.forward).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL and not names:
            return [f"*{parameter.name}"] * count
        if len(names) < count:
            names.append(parameter.name)
    return names


def decomposed(program: ExportedProgram) -> ExportedProgram:
    """Return the program without in-place operators, what `TABLE` lacks spelt out in parts.

    A program that needs neither is returned as it is.
    """
    if is_plain(program):
        return program
    with _quietly():
        found: ExportedProgram = program.run_decompositions(dict(_parts()))
        return found


@cache
def _parts() -> dict[Any, Any]:
    """Return PyTorch's own ways to spell out what `TABLE` lacks."""
    known: Any = torch.export.default_decompositions()
    return {op: part for op, part in known.items() if str(op).removeprefix("aten.") not in TABLE}


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep PyTorch from printing what is about to be told in one line."""

    def nothing(record: logging.LogRecord) -> bool:
        return False

    known = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    loggers = [logger for logger in known if logger.name.startswith("torch")]
    for logger in loggers:
        logger.addFilter(nothing)
    try:
        with warnings.catch_warnings(), redirect_stderr(StringIO()), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger in loggers:
            logger.removeFilter(nothing)


@contextmanager
def inference(module: torch.nn.Module) -> Iterator[None]:
    """Put a module in eval mode; every part gets back what it was in."""
    flags = [(part, part.training) for part in module.modules()]
    for part, _ in flags:
        part.training = False
    try:
        with torch.no_grad(), _quietly():
            yield
    finally:
        for part, flag in flags:
            part.training = flag


def _runs(module: torch.nn.Module, inputs: Inputs) -> bool:
    """Say whether the module itself works, so that only its export fails."""
    with inference(module):
        try:
            module(*inputs.args, **inputs.kwargs)
        except Exception:  # whatever a user's code raises
            return False
    return True


BRANCH = "write both ways and choose with torch.where, or export a module without the branch"


def _explained(module: torch.nn.Module, inputs: Inputs, error: Exception) -> Exception:
    """Return the error that says what cannot be exported, where, and the way out."""
    name, kind = type(module).__name__, type(error).__name__
    reason = str(error).strip().splitlines()[0] if str(error).strip() else kind
    place = raised_at(error.__traceback__)
    at = f" at {place}" if place else ""
    if "DataDependent" in kind or "data-dependent" in str(error):
        return GraphError(
            f"{name}: cannot be exported: its way depends on data{at} ({kind}); {BRANCH}"
        )
    if isinstance(error, TypeError) and "missing" in reason and "argument" in reason:
        return ParameterError(
            f"{name}: {reason}; give one shape for each input, as ((1, 3, 32, 32), (1, 8)) or "
            '{"name": shape}, or inputs'
        )
    if not _runs(module, inputs):
        if "Long, Int" in reason:
            return ParameterError(
                f"{name}: takes whole numbers{at}, and a shape alone makes floating ones; give "
                "examples: striate.interop.torch.from_torch(module, "
                "inputs=torch.zeros((1, 8), dtype=torch.int64))"
            )
        return ShapeError(
            f"{name}: fails on inputs of shape {inputs.shapes}{at}: {reason}; "
            "check input_shape against what the module takes"
        )
    return GraphError(
        f"{name}: cannot be exported{at} ({kind}: {reason}); torch.export takes modules that "
        "compute with tensors alone: keep Python's values out of forward, or export a part"
    )
