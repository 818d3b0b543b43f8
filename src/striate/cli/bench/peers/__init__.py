"""The other engines, each a module with its best settings; all of them optional."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import cast

from striate.cli.bench.peers.runner import Peer, Refused, Runner, installed
from striate.errors import UnknownNameError

__all__ = ["PEERS", "Peer", "Refused", "Runner", "chosen_peers", "present_peers"]

PEERS = {  # name: (module, the packages it needs)
    "PyTorch": ("pytorch", ("torch",)),
    "ONNX Runtime": ("onnx_runtime", ("onnxruntime", "onnx")),
    "OpenVINO": ("open_vino", ("openvino", "onnx")),
    "ncnn": ("ncnn_runtime", ("ncnn",)),
}


def present_peers(names: Sequence[str] | None = None) -> tuple[list[Peer], list[str]]:
    """Return the peers of these names (all, if none are given), and those not installed.

    Raises
    ------
    UnknownNameError
        If there is no peer of a name; case and spaces do not matter.
    """
    there, absent = chosen_peers(names, PEERS)
    return [cast(Peer, import_module(f"{__name__}.{PEERS[n][0]}")) for n in there], absent


def chosen_peers(
    names: Sequence[str] | None, known: Mapping[str, tuple[str, Sequence[str]]]
) -> tuple[list[str], list[str]]:
    """Return which of these names (all, if none are given) are installed, and which are not.

    Raises
    ------
    UnknownNameError
        If a name is not known; case and spaces do not matter.
    """
    keys = {_key(name): name for name in known}
    wanted = list(known) if names is None else []
    for name in names or ():
        if _key(name) not in keys:
            raise UnknownNameError.of("peer", name, known)
        wanted.append(keys[_key(name)])
    there = [name for name in wanted if all(map(installed, known[name][1]))]
    return there, [name for name in wanted if name not in there]


def _key(name: str) -> str:
    return name.lower().replace(" ", "")
