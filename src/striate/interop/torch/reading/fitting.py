"""Read modules whose shapes do not fit: calls that fail go on as if their operand had fitted.

The graph has the module's own calls and weights, and so the same fault: the shape doctor looks for
what would help there, as in any other graph.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.fx import Node as FxNode
from torch.overrides import TorchFunctionMode

from striate.interop.torch.reading.export import inference
from striate.interop.torch.reading.table import aten
from striate.interop.torch.reading.translation import Translation

__all__ = ["exported_as_if_it_fitted"]

Sizes = list[int]


@torch.library.custom_op("striate::fitted", mutates_args=())
def _fitted(x: torch.Tensor, shape: list[int]) -> torch.Tensor:
    """Return zeros of the shape that was wanted in the place of x."""
    return x.new_zeros(shape)


@_fitted.register_fake
def _(x: torch.Tensor, shape: list[int]) -> torch.Tensor:
    return x.new_empty(shape)


@aten("striate.fitted.default")
def _unfitted(t: Translation, node: FxNode, x: Any, shape: Any) -> str:
    """Return what does not fit, which is what the module has there."""
    return t.value(x)


def exported_as_if_it_fitted(
    module: torch.nn.Module, args: tuple[torch.Tensor, ...]
) -> ExportedProgram:
    """Return the program of a module that fails on these inputs.

    Raises
    ------
    Exception
        Whatever PyTorch raises for a call that no other operand would let pass.
    """
    with inference(module), _Fitting():
        program = torch.export.export(module, args, strict=False)
    for node in reversed(program.graph.nodes):  # the calls that failed
        failed = node.op == "call_function" and node.meta.get("val") is None
        if failed and not node.users:
            program.graph.erase_node(node)
    return program


class _Fitting(TorchFunctionMode):
    """Repeats a call that fails with an operand of the shape that it wants."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        try:
            return func(*args, **kwargs)
        except Exception:  # PyTorch raises many kinds for shapes
            fit = FITS.get(getattr(func, "__name__", "").strip("_"))
            changed = None if fit is None else fit(*args, **kwargs)
            if changed is None:
                raise
            return func(*changed, **kwargs)


def _as(x: torch.Tensor, sizes: Sizes) -> torch.Tensor:
    wanted: torch.Tensor = torch.ops.striate.fitted(x, list(sizes))
    return wanted


def _linear(x: torch.Tensor, weight: torch.Tensor, *rest: Any, **_: Any) -> tuple[Any, ...]:
    return _as(x, [*x.shape[:-1], weight.shape[1]]), weight, *rest


def _convolution(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    **_: Any,
) -> tuple[Any, ...] | None:
    if x.dim() != weight.dim():
        return None
    spread = dilation if isinstance(dilation, tuple | list) else [dilation] * (x.dim() - 2)
    extents = [(k - 1) * d + 1 for k, d in zip(weight.shape[2:], spread, strict=True)]
    sizes = [max(size, extent) for size, extent in zip(x.shape[2:], extents, strict=True)]
    fitting = _as(x, [x.shape[0], weight.shape[1] * groups, *sizes])
    return fitting, weight, bias, stride, padding, dilation, groups


def _transposed(x: torch.Tensor, weight: torch.Tensor, *rest: Any, **_: Any) -> Any:
    if x.dim() != weight.dim():
        return None
    return _as(x, [x.shape[0], weight.shape[0], *x.shape[2:]]), weight, *rest


def _batch_norm(x: torch.Tensor, mean: Any, *rest: Any, **named: Any) -> tuple[Any, ...] | None:
    count = mean if mean is not None else named.get("weight")
    if count is None or x.dim() < 2:
        return None
    return _as(x, [x.shape[0], count.shape[0], *x.shape[2:]]), mean, *rest


def _layer_norm(x: torch.Tensor, shape: Any, *rest: Any, **_: Any) -> tuple[Any, ...]:
    sizes = [shape] if isinstance(shape, int) else list(shape)
    return _as(x, [*x.shape[: x.dim() - len(sizes)], *sizes]), shape, *rest


def _pool(x: torch.Tensor, kernel: Any, *rest: Any, **_: Any) -> tuple[Any, ...]:
    least = kernel if isinstance(kernel, tuple | list) else [kernel] * (x.dim() - 2)
    before = x.dim() - len(least)
    sizes = [max(size, k) for size, k in zip(x.shape[before:], least, strict=True)]
    return _as(x, [*x.shape[:before], *sizes]), kernel, *rest


def _meeting(a: Any, b: Any, *rest: Any, **_: Any) -> tuple[Any, ...] | None:
    if not isinstance(a, torch.Tensor) or not isinstance(b, torch.Tensor):
        return None
    return a, _as(b, list(a.shape)), *rest


def _product(a: Any, b: Any, *rest: Any, **_: Any) -> tuple[Any, ...] | None:
    if a.dim() < 1 or b.dim() < 2:
        return None
    return _as(a, [*a.shape[:-1], b.shape[-2]]), b, *rest


def _joined(tensors: Any, dim: int = 0, *rest: Any, **named: Any) -> tuple[Any, ...] | None:
    first = tensors[0]
    axis = named.get("dim", dim) % first.dim()
    if any(t.dim() != first.dim() for t in tensors):
        return None
    wanted = [[t.shape[a] if a == axis else n for a, n in enumerate(first.shape)] for t in tensors]
    fitting = [t if list(t.shape) == s else _as(t, s) for t, s in zip(tensors, wanted, strict=True)]
    return (fitting, *(() if "dim" in named else (dim,)), *rest)


def _reshaped(x: torch.Tensor, *shape: Any, **_: Any) -> tuple[Any, ...] | None:
    sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    if not sizes or any(not isinstance(size, int) for size in sizes):
        return None
    known = prod(size for size in sizes if size >= 0)
    left = max(1, x.numel() // known) if known else 1
    # in one axis, lest the call seem to change nothing and be left out
    return _as(x, [prod(left if size < 0 else size for size in sizes)]), *shape


FITS: dict[str, Callable[..., tuple[Any, ...] | None]] = {
    "linear": _linear,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "matmul": _product,
    "bmm": _product,
    "cat": _joined,
    "concat": _joined,
    "view": _reshaped,
    "reshape": _reshaped,
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _convolution),
    **{f"conv_transpose{rank}d": _transposed for rank in (1, 2, 3)},
    **{f"{kind}_pool{rank}d": _pool for kind in ("max", "avg") for rank in (1, 2, 3)},
    **{f"max_pool{rank}d_with_indices": _pool for rank in (1, 2, 3)},
    **dict.fromkeys(("add", "sub", "mul", "div", "truediv", "iadd", "imul", "isub"), _meeting),
}
"""By the name of a function of PyTorch, what to call it with in place of what did not fit."""
