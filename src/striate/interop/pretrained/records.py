"""How trained weights came to be: what their record says, checked as it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from striate.errors import FileError, StriateError
from striate.network.images.preprocessing import Preprocessing

__all__ = ["FORMAT", "Record"]

FORMAT = 1
COUNTS = ("train_wrong", "train_examples", "test_wrong", "test_examples")


@dataclass(frozen=True, eq=False)
class Record:
    """What is known of trained weights, enough to make them again.

    Attributes
    ----------
    network : str
        A name of the zoo.
    recipe : str
        The experiment of `striate.training.recipes` whose settings were used.
    seed : int
    choice : str
        How this run was chosen.
    command : str
        What was typed.
    begun : str
        When, in UTC.
    data : mapping
        Name, fingerprint, preparation and size of what it was trained and tested on.
    settings : mapping
        As `striate.fit` takes them.
    learner, graph : str
        What took the steps, and a digest of the network.
    machine : mapping
        Processor, system, and versions.
    results : mapping
        ``train_wrong`` of ``train_examples`` and ``test_wrong`` of ``test_examples``, of the
        weights as they are stored.
    classes : tuple of str
        What the outputs stand for.
    preprocessing : Preprocessing or None
        How an image becomes an input; None if no plain image can.
    stored : str
        "float32" or "float16".
    sha256 : str
        Of the file of weights.
    """

    network: str
    recipe: str
    seed: int
    choice: str
    command: str
    begun: str
    data: Mapping[str, Any]
    settings: Mapping[str, Any]
    learner: str
    graph: str
    machine: Mapping[str, Any]
    results: Mapping[str, int]
    classes: tuple[str, ...]
    preprocessing: Preprocessing | None
    stored: str
    sha256: str

    @property
    def test_error(self) -> float:
        """The share of the test examples that it gets wrong, 0 to 1."""
        return self.results["test_wrong"] / self.results["test_examples"]

    @property
    def text(self) -> str:
        """What it is, in a line.

        Examples
        --------
        >>> from striate.interop.pretrained import record
        >>> record("lenet-1989").text.split(":")[0]
        'trained on usps by the recipe lenet-1989, seed 0'
        """
        found = self.results
        parts = ", ".join(
            f"{found[f'{part}_wrong']:,} of {found[f'{part}_examples']:,} {part} examples wrong "
            f"({100 * found[f'{part}_wrong'] / found[f'{part}_examples']:.2f} %)"
            for part in ("test", "train")
        )
        by = f"by the recipe {self.recipe}, seed {self.seed}"
        return f"trained on {self.data['name']} {by}: {parts}"

    def to_json(self) -> str:
        """Return the text from which `from_json` makes the same record."""
        values = asdict(self)
        how = self.preprocessing
        values["preprocessing"] = None if how is None else how.to_dict()
        return json.dumps({"format": FORMAT, **values}, indent=1) + "\n"

    @classmethod
    def from_json(cls, content: bytes, where: str) -> Record:
        """Return the record of a file.

        Raises
        ------
        FileError
            If it is none, or lacks something.
        """
        try:
            values = json.loads(content)
            return cls._checked(values)
        except (ValueError, LookupError, TypeError, RecursionError, StriateError) as error:
            raise FileError(
                f"{where}: no record of weights ({error}); install striate again"
            ) from None

    @classmethod
    def _checked(cls, values: Any) -> Record:
        if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        names = {field.name for field in fields(cls)}
        if values.keys() != names:
            raise ValueError(f"it has {sorted(values.keys() ^ names)} too many or too few")
        for name in names - {"seed", "preprocessing", "classes"}:
            kind = dict if name in ("data", "settings", "machine", "results") else str
            if not isinstance(values[name], kind):
                raise TypeError(f"{name} is {type(values[name]).__name__}, not {kind.__name__}")
        if not isinstance(values["seed"], int):
            raise TypeError(f"seed is {values['seed']!r}, not a whole number")
        counts, classes, how = values["results"], values["classes"], values["preprocessing"]
        if {*counts} != {*COUNTS} or not all(
            isinstance(n, int) and n >= 0 for n in counts.values()
        ):
            raise ValueError(f"results must be {', '.join(COUNTS)}")
        if not (counts["train_examples"] and counts["test_examples"]):
            raise ValueError("results are of no examples")
        if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
            raise TypeError("classes must be a list of names")
        values["classes"] = tuple(classes)
        values["preprocessing"] = None if how is None else Preprocessing.from_dict(how)
        return cls(**values)
