"""Trained weights into the package, from the folder of a run: for those who make releases.

::

    striate train lenet-1989 --data usps --seed 0 --out runs/lenet-1989
    python -m striate.training.recipes.shipping runs/lenet-1989

A run is taken only if it is complete, has the recipe's settings and seed 0, and saw the data that
are here; the weights are then judged again, as they are stored, and files and record written to
`striate.interop.pretrained`. Weights stored as float32 must get as many test examples wrong as the
run's last epoch says.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from striate.errors import FileError, ParameterError, StriateError, UnknownNameError
from striate.files import write_whole
from striate.interop import pretrained
from striate.interop.pretrained.arrays import packed
from striate.interop.pretrained.shelf import MOST_BYTES
from striate.interop.weights import load_weights, read_notes
from striate.network import Graph, Network, zoo
from striate.training import data as datasets
from striate.training.checkpoints import LAST
from striate.training.data.dataset import Dataset
from striate.training.evaluation import evaluate
from striate.training.fingerprints import fingerprint
from striate.training.recipes import lenet_1989
from striate.training.records import SETTINGS
from striate.training.settings import Settings
from striate.training.wording import count_text

__all__ = ["SHIPMENTS", "Shipment", "main", "ship"]

SEED = 0
CHOICE = "the run of seed 0, whatever it gets wrong"


@dataclass(frozen=True)
class Shipment:
    """What may come with the package: a network of the zoo, trained by a recipe.

    `settings` are arguments of `striate.fit` that a run must have had; `data` what it learnt from.
    """

    recipe: str
    settings: Callable[[Graph], dict[str, Any]]
    data: str
    stored: Literal["float32", "float16"]


SHIPMENTS = {"lenet-1989": Shipment("lenet-1989", lenet_1989.settings, "usps", "float32")}


@dataclass(frozen=True)
class Run:
    """What the folder of a run says of it."""

    about: Mapping[str, Any]
    epochs: int
    test_error: float
    network: str

    @classmethod
    def of(cls, folder: Path) -> Run:
        """Read it; FileError unless the run is there and over."""
        try:
            about = json.loads((folder / SETTINGS).read_bytes())
            notes = json.loads(read_notes(folder / LAST)["training"])
            history, epochs = notes["history"], about["settings"]["epochs"]
            if len(history) != epochs or notes["pass"] is not None:
                raise FileError(
                    f"it has {len(history)} of {count_text(epochs, 'epoch')}; resume it"
                )
            return cls(about, epochs, history[-1]["test_error"], about["network"]["name"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise FileError(
                f"{folder}: no whole run ({error}); make one with striate train ... --out {folder}"
            ) from None


def ship(
    folder: str | Path,
    into: str | Path | None = None,
    shipments: Mapping[str, Shipment] | None = None,
) -> pretrained.Record:
    """Write the weights of a run and their record to where `load(pretrained=True)` finds them.

    Parameters
    ----------
    folder : path
        What `striate train --out`, or `striate.fit` with `out`, has left.
    into : path, optional
        By default the package's own folder.
    shipments : mapping, optional
        Networks that may be shipped, by name; `SHIPMENTS` by default.

    Returns
    -------
    Record

    Raises
    ------
    FileError
        If there is no whole run, or the files would grow too large.
    UnknownNameError
        If the network is none of `shipments`.
    ParameterError
        If the run is not the recipe's, or its weights are not what its log says.
    """
    run = Run.of(Path(folder))
    known = SHIPMENTS if shipments is None else shipments
    if run.network not in known:
        raise UnknownNameError.of("network to be shipped", run.network, known)
    made, whole = known[run.network], zoo.load(run.network)
    _require_recipe(run, made, whole.graph)
    network = _stored(load_weights(whole, Path(folder) / LAST), made.stored)
    data = _data(run, network)
    results = _results(network, data)
    _require_logged(run, made, results)
    kind = np.dtype(made.stored)
    content = packed({name: array.astype(kind) for name, array in network.weights.items()})
    record = _record(run, made, data, results, hashlib.sha256(content).hexdigest())
    place = Path(pretrained.__file__).parent / "files" if into is None else Path(into)
    _require_room(place, run.network, len(content))
    write_whole(place / f"{run.network}.npz", content)
    write_whole(place / f"{run.network}.json", record.to_json())
    return record


def _stored(network: Network, kind: str) -> Network:
    """Return the network with weights as they come back from being stored."""
    weights = {n: a.astype(kind).astype(np.float32) for n, a in network.weights.items()}
    return replace(network, weights=weights)


def _require_recipe(run: Run, made: Shipment, graph: Graph) -> None:
    """Raise ParameterError unless the run is of the recipe's settings, data and seed."""
    wanted = Settings(**made.settings(graph), seed=SEED).as_json
    found: Mapping[str, Any] = {**run.about["settings"], "data": run.about["data"]["name"]}
    wanted |= {"data": made.data, "device": found["device"], "threads": found["threads"]}
    for name, value in wanted.items():
        if found[name] != value:
            raise ParameterError(
                f"the run has {name} {found[name]!r}, but the recipe {made.recipe} and seed {SEED} "
                f"{value!r}: train it again"
            )
    if run.about["network"]["graph"] != fingerprint(graph):
        raise ParameterError(
            f"the run trained another {run.network} than the zoo's: train it again"
        )


def _data(run: Run, network: Network) -> Dataset:
    """Return the data of a run; ParameterError if they are others here."""
    told = run.about["data"]
    data = datasets.load(told["name"])
    size = network.input_shape[2]
    if size is not None:
        data = data.resized(size)
    if data.fingerprint != told["fingerprint"]:
        raise ParameterError(
            f"the run saw data of fingerprint {told['fingerprint']}, but {data.name} is "
            f"{data.fingerprint} here: train it again"
        )
    return data


def _results(network: Network, data: Dataset) -> dict[str, int]:
    results = {}
    for part in ("train", "test"):
        images, labels = getattr(data, f"{part}_images"), getattr(data, f"{part}_labels")
        results[f"{part}_wrong"] = evaluate(network, images, labels, prepare=data.prepared).errors
        results[f"{part}_examples"] = len(labels)
    return results


def _require_logged(run: Run, made: Shipment, results: Mapping[str, int]) -> None:
    """Raise ParameterError if the weights do not get wrong what the run's log says."""
    logged = round(run.test_error * results["test_examples"])
    if made.stored == "float32" and logged != results["test_wrong"]:
        raise ParameterError(
            f"the weights get {results['test_wrong']} test examples wrong, but the run's log says "
            f"{logged}: train it again"
        )


def _require_room(place: Path, network: str, size: int) -> None:
    """Raise FileError if all weights together would be more than the package may hold."""
    others = (file for file in place.glob("*.npz") if file.stem != network)
    together = size + sum(file.stat().st_size for file in others)
    if together > MOST_BYTES:
        raise FileError(
            f"{place}: would hold {together:,} bytes of weights, but {MOST_BYTES:,} are allowed; "
            'store them as "float16", or leave a network out'
        )


def _record(
    run: Run, made: Shipment, data: Dataset, results: Mapping[str, int], sha256: str
) -> pretrained.Record:
    first = run.about["sessions"][0]
    return pretrained.Record(
        network=run.network,
        recipe=made.recipe,
        seed=SEED,
        choice=CHOICE,
        command=_typed(first["command"]),
        begun=first["begun"],
        data=run.about["data"],
        settings=run.about["settings"],
        learner=run.about["learner"]["name"],
        graph=run.about["network"]["graph"],
        machine=first["machine"],
        results=results,
        classes=data.classes,
        preprocessing=data.preprocessing,
        stored=made.stored,
        sha256=sha256,
    )


def _typed(command: str) -> str:
    """Return a command as it was typed, without Python's part, and of full paths the last name."""
    words = shlex.split(command)
    short = [Path(word).name if Path(word).is_absolute() else word for word in words]
    programs = [i for i, word in enumerate(words) if Path(word).name == "striate"]
    return shlex.join(["striate", *short[programs[0] + 1 :]] if programs else short)


def main() -> int:
    """Ship the run whose folder is named, and print what it is."""
    if len(sys.argv) != 2:
        print("usage: python -m striate.training.recipes.shipping FOLDER", file=sys.stderr)
        return 2
    try:
        record = ship(sys.argv[1])
    except StriateError as error:
        print(f"shipping: {error}", file=sys.stderr)
        return 1
    print(f"{record.network}: {record.text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
