"""The other engines, each a module with its best settings; all of them optional."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import cast

from striate.cli.bench.peers.runner import Peer, Refused, Runner, installed
from striate.errors import UnknownNameError

__all__ = ["PEERS", "Peer", "Refused", "Runner", "present_peers"]

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
    known = {_key(name): name for name in PEERS}
    wanted = list(PEERS) if names is None else []
    for name in names or ():
        if _key(name) not in known:
            raise UnknownNameError.of("peer", name, PEERS)
        wanted.append(known[_key(name)])
    there = [name for name in wanted if all(map(installed, PEERS[name][1]))]
    modules = [import_module(f"{__name__}.{PEERS[name][0]}") for name in there]
    return [cast(Peer, m) for m in modules], [name for name in wanted if name not in there]


def _key(name: str) -> str:
    return name.lower().replace(" ", "")
