"""Images through a network, some at a time: what came out of each, shown or saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from striate.cli._saving import Saving, images_of
from striate.cli._text import visible
from striate.cli.inspection import pointing_to_the_doctor
from striate.geometry.text import size_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from striate.network import Network
    from striate.network.images.preprocessing import Preprocessing

__all__ = ["Answers", "Scores", "Settings"]

MOVING = {"Cast", "Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
FINAL = {"HardSigmoid", "ScaledTanh", "Sigmoid", "Softmax", "Tanh"}


class Scores(StrEnum):
    """What scores are shown: the network's outputs, or probabilities."""

    probabilities = "probabilities"
    logits = "logits"


@dataclass(frozen=True)
class Settings:
    """What the options say of answers."""

    model: str
    top: int
    label_file: Path | None
    labels: Sequence[str] | None
    scores: Scores
    batch: int
    save: Path | None
    colour: bool = False


@dataclass
class Answers:
    """What a network made of each image."""

    network: Network
    how: Preprocessing
    settings: Settings
    results: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)

    def run(self, images: Sequence[str]) -> None:
        """Run all images; one that fails does not stop the others."""
        import striate
        from striate.cli._batch import progress

        paths, unnamed = images_of(images)
        saving = Saving(self.settings.save, paths, self.network, self.how, self.settings.colour)
        program = striate.compile(self.network)
        with progress(len(paths) + len(unnamed)) as bar:
            advance = bar.advance
            for text, trouble in unnamed.items():
                self._fail(text, trouble, advance)
            for names, x in self._batches(paths, advance):
                try:
                    with pointing_to_the_doctor(self.settings.model, x.shape):
                        found = program(x)
                except striate.errors.StriateError as error:
                    if None not in self.network.input_shape[1:]:
                        raise
                    for name in names:
                        self._fail(name, error, advance)
                    continue
                arrays = found if isinstance(found, tuple) else (found,)
                for index, name in enumerate(names):
                    outputs = [_example(a, index, len(x)) for a in arrays]
                    self.results.append(self._result(name, outputs))
                    saved = saving.keep(name, outputs)
                    if saved is not None:
                        self.results[-1]["saved"] = str(saved)
                    advance()
        saving.finish()

    def _batches(
        self, paths: Sequence[Path], advance: Any
    ) -> Iterator[tuple[list[str], NDArray[Any]]]:
        """Yield images of one shape together, as many as the batch; report those that fail."""
        from striate.errors import StriateError
        from striate.filters import files

        names: list[str] = []
        inputs: list[NDArray[Any]] = []
        for path in paths:
            try:
                x = self._cast(self.how.apply(files.read(path)))
                self._check(x.shape)
            except StriateError as error:
                self._fail(str(path), error, advance)
                continue
            if inputs and (len(inputs) == self._batch or x.shape != inputs[0].shape):
                yield names, self._together(inputs)
                names, inputs = [], []
            names.append(str(path))
            inputs.append(x)
        if inputs:
            yield names, self._together(inputs)

    def _together(self, inputs: list[NDArray[Any]]) -> NDArray[Any]:
        """Return inputs as one batch; where the network fixes its size, the last one fills it."""
        import numpy as np

        missing = (self.network.input_shape[0] or 0) - len(inputs)
        return np.concatenate(inputs + inputs[-1:] * max(0, missing))

    @property
    def _batch(self) -> int:
        """How many run at once: what is asked for, or what the network fixes."""
        return self.network.input_shape[0] or self.settings.batch

    def _cast(self, x: NDArray[Any]) -> NDArray[Any]:
        import numpy as np

        kind = self.network.graph.inputs[0].kind
        if kind == "float":
            return x
        return (np.rint(x) if kind.startswith(("int", "uint")) else x).astype(kind)

    def _check(self, shape: Sequence[int]) -> None:
        from striate.errors import ShapeError

        wanted = self.network.input_shape
        if any(w not in (None, s) for w, s in zip(wanted[1:], shape[1:], strict=True)):
            text = "x".join("N" if size is None else str(size) for size in wanted)
            raise ShapeError(
                f"{self.network.name} takes {text}, but the image becomes "
                f"{size_text(shape)}: change --resize, --crop or --channels"
            )

    def _fail(self, name: str, error: Exception, advance: Any) -> None:
        text = str(error) if name in str(error) else f"{name}: {error}"
        self.failed.append({"image": name, "error": text})
        advance(f"striate: {text}")

    def _result(self, name: str, outputs: Sequence[NDArray[Any]]) -> dict[str, Any]:
        """Return what is to be shown of one image."""
        if self._classifies(outputs):
            return {"image": name, "top": self._top(self._scores(outputs[0].ravel()))}
        pairs = zip(self.network.graph.outputs, outputs, strict=True)
        return {"image": name, "outputs": [_figures(value, output) for value, output in pairs]}

    def _classifies(self, outputs: Sequence[NDArray[Any]]) -> bool:
        return len(outputs) == 1 and 1 < max(outputs[0].shape, default=1) == outputs[0].size

    def _scores(self, values: NDArray[Any]) -> NDArray[Any]:
        import numpy as np

        if self.scores_kind != "softmax":
            return np.exp(values) if self.scores_kind == "exp" else values
        raised = np.exp(values - values.max())
        return np.asarray(raised / raised.sum())

    @property
    def scores_kind(self) -> str:
        """What makes probabilities of the output: "softmax", "exp", or "" for nothing."""
        if self.settings.scores is Scores.logits:
            return ""
        makers = {name: node for node in self.network.graph.nodes for name in node.outputs}
        node = makers.get(self.network.graph.outputs[0])
        while node is not None and node.operator.onnx in MOVING:
            node = makers.get(node.inputs[0])
        last = "" if node is None else node.operator.onnx
        return "exp" if last == "LogSoftmax" else "" if last in FINAL else "softmax"

    def _top(self, scores: NDArray[Any]) -> list[dict[str, Any]]:
        from striate.errors import ParameterError

        labels = self.settings.labels
        if labels is not None and len(labels) != len(scores):
            raise ParameterError(
                f"{self.settings.label_file}: {len(labels)} names for the {len(scores)} classes "
                f"of {self.settings.model}; give one line for each class"
            )
        best = (-scores).argsort(kind="stable")[: self.settings.top]
        return [
            {
                "class": int(index),
                "label": str(index) if labels is None else labels[index],
                "score": _number(scores[index]),
            }
            for index in best
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the answers as JSON has them."""
        return {
            "network": self.settings.model,
            "scores": self.settings.scores.value if self.scores_kind else "outputs",
            "preprocessing": self.how.to_dict(),
            "results": self.results,
            "failed": self.failed,
        }

    def show(self) -> None:
        """Print the answers as a table."""
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        for entry, header in (
            ("top", ("image", "class", "score")),
            ("outputs", ("image", "output", "shape", "min", "mean", "max")),
        ):
            found = [result for result in self.results if entry in result]
            if not found:
                continue
            table = Table(*header)
            for column in table.columns:
                column.overflow = "fold"  # rather than lose the end of a name
            for result in found:
                for place, row in enumerate(map(_cells, result[entry])):
                    cells = (result["image"] if place == 0 else "", *row)
                    table.add_row(*(Text(visible(cell)) for cell in cells))  # no Rich markup
                table.add_section()
            Console().print(table)
        for result in self.results:
            if "saved" in result:
                typer.echo(visible(result["saved"]))


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    if "label" in row:
        return row["label"], _shown(row["score"], ".4f")
    shape = size_text(row["shape"])
    return row["name"], shape, *(_shown(row[name], ".4g") for name in ("min", "mean", "max"))


def _shown(value: float | None, form: str) -> str:
    return "not finite" if value is None else f"{value:{form}}"


def _number(value: Any) -> float | None:
    """Return a number as JSON has it: None if it is not finite."""
    return float(value) if isfinite(value) else None


def _figures(name: str, output: NDArray[Any]) -> dict[str, Any]:
    figures = {
        n: _number(getattr(output, n)()) if output.size else None for n in ("min", "mean", "max")
    }
    return {"name": name, "shape": list(output.shape), **figures}


def _example(array: NDArray[Any], index: int, count: int) -> NDArray[Any]:
    """Return one image's part of an output, with its first axis; all of it if it has no batch."""
    if array.ndim == 0 or array.shape[0] % count:
        return array
    each = array.shape[0] // count
    return array[index * each : (index + 1) * each]
