"""striate behind ONNX's own interface for backends, which ONNX's conformance suite speaks to.

Rooms import one way and translation does not know what runs networks: `striate.compile` is looked
up by name when a model is prepared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import MissingExtraError, ParameterError
from striate.interop.onnx.reading import from_onnx, working_precision
from striate.network import Network

try:
    import onnx
    from onnx.backend.base import Backend as OnnxBackend
    from onnx.backend.base import BackendRep
except ImportError:
    raise MissingExtraError.of("onnx", "onnx", "ONNX") from None

__all__ = ["Backend", "Prepared"]

Array = NDArray[Any]


class Prepared(BackendRep):
    """A model that is ready to run."""

    def __init__(self, network: Network, dtype: np.dtype[Any]) -> None:
        self.network, self.dtype = network, dtype
        self.program = import_module("striate").compile(network, dtype=dtype)

    def run(self, inputs: Any, **settings: Any) -> tuple[Array, ...]:
        """Return the outputs for these inputs.

        Parameters
        ----------
        inputs : array, sequence of arrays, or mapping of name to array
        """
        if settings:
            raise ParameterError(f"run: unknown settings {', '.join(settings)}: it takes none")
        if isinstance(inputs, Mapping):
            found = self.program(dict(inputs))
        else:
            found = self.program(*([inputs] if isinstance(inputs, np.ndarray) else inputs))
        return found if isinstance(found, tuple) else (found,)


class Backend(OnnxBackend):
    """ONNX's interface for whatever runs models.

    Models whose inputs and weights are float64 run in float64, all others in float32.

    Examples
    --------
    >>> import numpy as np
    >>> node = onnx.helper.make_node("Relu", ["x"], ["y"])
    >>> Backend.run_node(node, [np.array([-1.0, 2.0], np.float32)])[0]
    array([0., 2.], dtype=float32)
    """

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Return whether striate runs on a device: on "CPU" alone."""
        return device == "CPU"

    @classmethod
    def prepare(cls, model: Any, device: str = "CPU", **settings: Any) -> Prepared:
        """Return a model made ready to run.

        Parameters
        ----------
        model : onnx.ModelProto
        device : "CPU"

        Raises
        ------
        ParameterError
            If another device is asked for, or a setting that there is not.
        StriateError
            As `striate.interop.from_onnx`.
        """
        if not cls.supports_device(device):
            raise ParameterError(f'device is {device!r}, but must be "CPU"')
        if settings:
            raise ParameterError(f"prepare: unknown settings {', '.join(settings)}: it takes none")
        precision, _ = working_precision(model.graph)
        return Prepared(from_onnx(model), np.dtype(precision))

    @classmethod
    def run_model(
        cls, model: Any, inputs: Any, device: str = "CPU", **settings: Any
    ) -> tuple[Array, ...]:
        """Return the outputs of a model for these inputs."""
        return cls.prepare(model, device, **settings).run(inputs)

    @classmethod
    def run_node(
        cls,
        node: Any,
        inputs: Any,
        device: str = "CPU",
        outputs_info: Sequence[tuple[Any, tuple[int, ...]]] | None = None,
        **settings: Any,
    ) -> tuple[Array, ...]:
        """Return the outputs of one node for these inputs.

        Parameters
        ----------
        node : onnx.NodeProto
        inputs : sequence of arrays, or mapping of name to array
            The sequence holds those that are not left out.
        outputs_info : sequence of (dtype, shape), optional
            What the outputs will be; striate finds out by itself.
        opset_version : int, optional
            The newest that the onnx package knows, unless told.
        """
        version = settings.pop("opset_version", onnx.defs.onnx_opset_version())
        arrays = _by_name(node, inputs)
        kind = onnx.helper.np_dtype_to_tensor_dtype
        describe = onnx.helper.make_tensor_value_info
        graph = onnx.helper.make_graph(
            [node],
            node.name or node.op_type,
            [describe(name, kind(array.dtype), array.shape) for name, array in arrays.items()],
            [onnx.ValueInfoProto(name=name) for name in filter(None, node.output)],
        )
        opsets = [onnx.helper.make_opsetid(node.domain, version)]
        model = onnx.helper.make_model(graph, opset_imports=opsets)
        return cls.run_model(model, arrays, device, **settings)


def _by_name(node: Any, inputs: Any) -> dict[str, Array]:
    """Return the inputs of a node by name."""
    if isinstance(inputs, Mapping):
        return {name: np.asarray(array) for name, array in inputs.items()}
    arrays = [
        np.asarray(array) for array in ([inputs] if isinstance(inputs, np.ndarray) else inputs)
    ]
    names = list(dict.fromkeys(filter(None, node.input)))
    if len(arrays) != len(names):
        raise ParameterError(
            f"run_node: {len(arrays)} inputs, but {node.op_type} reads {', '.join(names)}: "
            "give one array for each"
        )
    return dict(zip(names, arrays, strict=True))
