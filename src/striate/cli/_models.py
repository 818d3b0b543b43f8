"""Networks and input shapes as the command line names them."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.network import InputShape, Network

__all__ = ["load_model", "network_of", "sizes_of", "source_of", "spoken", "unused_note"]

SPOKEN = {
    "give input_shape, as (1, 3, 224, 224), or inputs, tensors to call the module with": (
        "give --input 1x3x224x224"
    ),
    "does not tell its input; give input_shape": (
        "does not tell its input; give --input 1x3x224x224"
    ),
    'give one shape for each input, as ((1, 3, 32, 32), (1, 8)) or {"name": shape}, or inputs': (
        "give --input NAME=1x3x32x32 for each input"
    ),
    "check input_shape against": "check --input against",
    "in input_shape": "with --input",
    "pretrained=True": "--pretrained",
    "give a file with weights=": "give striate run a file with --weights",
}
"""What the library asks for, as the command line has it."""


def load_model(text: str, sizes: InputShape = None, *, pretrained: bool = False) -> Network:
    """Return the network of a name, an .onnx file, or MODULE.py:NAME.

    The last runs that file, and takes from it a `torch.nn.Module`, a Network or a Graph, or
    something that returns one when it is called without arguments. A name may be `pretrained`.
    """
    return network_of(source_of(text), sizes, pretrained=pretrained)


@contextmanager
def spoken() -> Iterator[None]:
    """Let errors of the library ask for options in place of arguments."""
    from striate.errors import StriateError

    try:
        yield
    except StriateError as error:
        text = str(error)
        for words, option in SPOKEN.items():
            text = text.replace(words, option)
        raise type(error)(text) from None


def network_of(made: Any, sizes: InputShape = None, *, pretrained: bool = False) -> Network:
    """Return the network that `source_of` found."""
    import striate
    from striate.network import Graph, Network

    if pretrained:
        with spoken():
            return striate.load(made, pretrained=True)
    if isinstance(made, Graph):
        made = Network(made)
    if isinstance(made, Network):
        return made
    with spoken():
        if isinstance(made, str):
            return striate.load(made)
        return striate.load(made, input_shape=sizes)


def unused_note(made: Any, network: Network) -> tuple[str, ...]:
    """Return what to note of a PyTorch module's parameters that lead to no output, if any do."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(made, torch.nn.Module):
        return ()
    from striate.interop.torch.diagnosis import unused

    found = unused(made, network)
    if found is None:
        return ()
    names = ", ".join(found.layers[:3]) + ", ..." * (len(found.layers) > 3)
    return (f"{found.text}: {names}",)


def source_of(text: str, *, seed: int | None = None) -> Any:
    """Return what MODULE.py:NAME makes, any other text as it is.

    With `seed`, what PyTorch, NumPy and Python draw at random while the file runs follows from it.
    """
    from striate.errors import ParameterError

    found = re.fullmatch(r"(.+\.py):([^:/\\]+)", text)
    if found is None:
        if re.fullmatch(r".+\.py:?", text):
            name = text.rstrip(":")
            raise ParameterError(f"{name}: say which network of the file: {name}:NAME")
        return text
    if seed is not None:
        _seed(seed)
    return _made(Path(found[1]), found[2])


def _seed(seed: int) -> None:
    import random

    import numpy as np

    random.seed(seed)
    np.random.seed(seed % 2**32)
    if importlib.util.find_spec("torch") is not None:
        import torch

        torch.manual_seed(seed % 2**63)


def _made(path: Path, name: str) -> Any:
    """Run a file and return what it calls `name`, called if it is no network itself."""
    from striate.errors import FileError, ParameterError, UnknownNameError
    from striate.network import Graph, Network

    if not path.is_file():
        raise FileError(f"{path}: there is no such file; write FILE.py:NAME of a PyTorch module")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise FileError(f"{path}: Python cannot import it")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    sys.path.insert(0, str(path.parent.resolve()))
    what = str(path)
    try:
        spec.loader.exec_module(module)
        if not hasattr(module, name):
            names = [other for other in vars(module) if not other.startswith("_")]
            raise UnknownNameError.of(f"object of {path}", name, names)
        made, what = getattr(module, name), f"{path}:{name}"
        torch = sys.modules.get("torch")
        ready = (Network, Graph) if torch is None else (Network, Graph, torch.nn.Module)
        made = made if isinstance(made, ready) or not callable(made) else made()
    except UnknownNameError:
        raise
    except Exception as error:  # whatever the user's own code raises
        raise ParameterError(f"{what}: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(path.parent.resolve()))
    if type(made).__module__ == "builtins":
        raise ParameterError(
            f"{what} is {type(made).__name__}; name a torch.nn.Module, a striate Network or Graph, "
            "or a function without arguments that returns one"
        )
    return made


def sizes_of(texts: Sequence[str]) -> InputShape:
    """Return (1, 3, 224, 224) for 1x3x224x224, or a mapping for NAME=1x3x224x224 and others."""
    from striate.errors import ParameterError

    named = [re.fullmatch(r"(.*[^=])=([^=]*)", text) for text in texts]
    if not any(named):
        if len(texts) > 1:
            raise ParameterError(
                f"--input is given {len(texts)} times; name the inputs, as in --input x=1x3x8x8"
            )
        return _sizes(texts[0]) if texts else None
    if not all(named):
        raise ParameterError("--input names some inputs only; write NAME=1x3x224x224 for each")
    return {match[1]: _sizes(match[2]) for match in named if match}


def _sizes(text: str) -> tuple[int, ...]:
    from striate.errors import ParameterError

    if not re.fullmatch(r"[0-9]+([x×][0-9]+)+", text.lower()):
        raise ParameterError(
            f"--input is {text!r}; it must be whole numbers joined by x: examples, channels, then "
            "each axis, as in 1x3x224x224"
        )
    return tuple(int(size) for size in re.split("[x×]", text.lower()))
