"""PyTorch modules run without numbers: how far they get, and what shapes they see on the way."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from striate.errors import one_line
from striate.interop.torch.reading.places import raised_at
from striate.network.graph import Shape

__all__ = ["Attempt", "run", "without_numbers"]


@dataclass
class Attempt:
    """One run on the meta device: the shapes on the way, and the module that failed, if any."""

    passed: list[tuple[str, Shape]] = field(default_factory=list)
    running: list[tuple[str, nn.Module, tuple[Shape, ...]]] = field(default_factory=list)
    outputs: tuple[Shape, ...] = ()
    problem: str = ""
    place: str = ""


def without_numbers(module: nn.Module) -> nn.Module:
    """Return a copy whose parameters and buffers have shapes alone."""
    kept: dict[int, Any] = {}
    for parameter in module.parameters():
        kept[id(parameter)] = nn.Parameter(parameter.detach().to("meta"), requires_grad=False)
    for buffer in module.buffers():
        kept[id(buffer)] = buffer.detach().to("meta")
    return copy.deepcopy(module, kept).eval()


def run(module: nn.Module, input_shapes: Sequence[Shape]) -> Attempt:
    """Run a module on the meta device and note what happens on the way."""
    found = Attempt()
    hooks = []
    for name, part in module.named_modules():
        if part is not module:
            hooks.append(part.register_forward_pre_hook(_entering(found, name)))
            hooks.append(part.register_forward_hook(_leaving(found, name)))
    inputs = [torch.empty(shape, device="meta") for shape in input_shapes]
    try:
        with torch.no_grad():
            outputs = module(*inputs)
    except Exception as error:  # whatever PyTorch, or the module's own code, raises
        found.problem = one_line(error)
        found.place = raised_at(error.__traceback__)
    else:
        several = outputs if isinstance(outputs, tuple | list) else (outputs,)
        found.outputs = tuple(tuple(o.shape) for o in several if isinstance(o, torch.Tensor))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _entering(found: Attempt, name: str) -> Any:
    def note(part: nn.Module, inputs: tuple[Any, ...]) -> None:
        shapes = tuple(tuple(x.shape) for x in inputs if isinstance(x, torch.Tensor))
        found.running.append((name, part, shapes))

    return note


def _leaving(found: Attempt, name: str) -> Any:
    def note(part: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        found.running.pop()
        if isinstance(output, torch.Tensor) and not list(part.children()):
            found.passed.append((name, tuple(output.shape)))

    return note
