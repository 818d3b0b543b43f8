"""Training by PyTorch: on a GPU, or by several processes that torchrun starts.

The same graph, loop, data and checkpoints as in native training; only what takes the steps is
another. PyTorch is loaded when a learner is made, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from striate.errors import MissingExtraError, explained
from striate.network import Network
from striate.runtime.learning import Assignment, Descent
from striate.runtime.learning.losses import LossName
from striate.training.torch_learner.place import Place, distributed

if TYPE_CHECKING:
    from striate.training.torch_learner.learner import TorchLearner

__all__ = ["Place", "distributed", "torch_learner"]


def torch_learner(
    network: Network,
    *,
    loss: LossName,
    batch_size: int,
    descent: Descent,
    seed: int = 0,
    device: str = "cuda",
    precision: str = "float32",
) -> TorchLearner:
    """Return what trains a network by PyTorch; a `striate.runtime.learning.Learner`.

    Under torchrun every process makes one, with the same arguments, and calls the same methods
    with the same examples; each takes its share of every batch.

    Parameters
    ----------
    network : Network
        Its weights are copied; without any it starts with random ones drawn from `seed`.
    loss : "squared" or "cross-entropy"
    batch_size : int
        Examples of a step, of all processes together.
    descent : Descent
    seed : int
        Of initial weights and dropout.
    device : "torch", "cuda", "cuda:1", ..., or "mps"
        PyTorch on the CPU, on a GPU of NVIDIA's or AMD's, or on one of Apple's. Under torchrun
        "cuda" is each process's own.
    precision : "float32", "tf32" or "bf16"
        "float32" computes all in it; "tf32" lets an NVIDIA GPU round what it multiplies to 10 bits;
        "bf16" multiplies in bfloat16 and keeps weights, statistics and losses in float32.

    Raises
    ------
    MissingExtraError
        If PyTorch is not installed.
    ParameterError, UnknownNameError
        If there is no such device, precision or loss.
    GraphError
        If an operator has no counterpart in PyTorch.

    Examples
    --------
    >>> import numpy as np
    >>> import striate as st
    >>> student = torch_learner(
    ...     st.load("lenet-1989"), loss="squared", batch_size=1, descent=Descent(), device="torch"
    ... )
    >>> images, labels = np.zeros((2, 1, 16, 16), np.float32), np.array([3, 3])
    >>> lesson = student.learn(images, labels, np.full(2, 0.01, np.float32))
    >>> lesson.steps, bool(lesson.losses[1] < lesson.losses[0])
    (2, True)
    """
    with explained("torch_learner"):
        try:
            import torch  # noqa: F401  (only whether it is there)
        except ImportError:
            purpose = f"training on device {device!r}"
            raise MissingExtraError.of("PyTorch", "torch", purpose) from None
        from striate.training.torch_learner.learner import TorchLearner

        assignment = Assignment(network, loss, batch_size, descent, seed)
        return TorchLearner(assignment, device=device, precision=precision)
