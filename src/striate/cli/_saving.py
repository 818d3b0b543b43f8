"""Which image files a command means, and where what a network makes of them is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from striate.geometry.text import size_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from striate.errors import ParameterError
    from striate.network import Network
    from striate.network.images.preprocessing import Preprocessing

__all__ = ["Saving", "images_of"]


class Saving:
    """Keeps outputs: nothing, all in one .npz file, or a picture for each image."""

    def __init__(
        self,
        save: Path | None,
        paths: Sequence[Path],
        network: Network,
        how: Preprocessing,
        colour: bool = False,
    ) -> None:
        self._save, self._network, self._how, self._colour = save, network, how, colour
        self._targets = self._planned(save, paths)
        self._names: list[str] = []
        self._kept: list[Sequence[NDArray[Any]]] = []

    def keep(self, name: str, outputs: Sequence[NDArray[Any]]) -> Path | None:
        """Keep what came out of one image; return its picture's path if there is one."""
        if name in self._targets:
            self._write_picture(self._targets[name], outputs, Path(name))
            return self._targets[name]
        if self._save is not None:
            self._names.append(name)
            self._kept.append(outputs)
        return None

    def finish(self) -> None:
        """Write all outputs to the .npz file, images along the first axis where shapes agree."""
        import numpy as np

        from striate.files import replacing

        if self._save is None or not self._kept:
            return
        arrays: dict[str, NDArray[Any]] = {"images": np.array(self._names)}
        for place, name in enumerate(self._network.graph.outputs):
            found = [outputs[place] for outputs in self._kept]
            if len({array.shape for array in found}) == 1:
                arrays[name] = np.concatenate(found) if found[0].ndim else np.array(found)
            else:
                arrays |= {f"{name}/{index}": array for index, array in enumerate(found)}
        with replacing(self._save) as unfinished, unfinished.open("xb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # no array is called allow_pickle

    def _planned(self, save: Path | None, paths: Sequence[Path]) -> dict[str, Path]:
        """Return which picture goes where; refuse what would overwrite an image or another."""
        from striate.cli._filter_plan import refuse_collisions
        from striate.errors import FileError, ParameterError
        from striate.filters.files import SUFFIXES

        if save is None or save.suffix.lower() == ".npz":
            return {}
        if save.suffix.lower() in SUFFIXES and not save.is_dir():
            if len(paths) != 1:
                raise ParameterError(f"{save} is one file; {len(paths)} images need a folder")
            jobs = [(paths[0], save)]
        else:
            jobs = [(path, save / f"{path.stem}.png") for path in paths]
            try:
                save.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise FileError(
                    f"{save}: not created ({error.strerror}); choose another folder"
                ) from None
        refuse_collisions(jobs)
        return {str(source): target for source, target in jobs}

    def _write_picture(self, path: Path, outputs: Sequence[NDArray[Any]], source: Path) -> None:
        """Write the first output that is a picture."""
        from striate.errors import ParameterError
        from striate.filters import files
        from striate.network.images.picture import coloured, shown

        place = 0 if self._how.layout == "NCHW" else 2
        pictures = [a[0] for a in outputs if a.ndim == 4 and a.shape[1 + place] in (1, 3)]
        if not pictures or pictures[0].size <= 3:
            shapes = ", ".join(size_text(array.shape) for array in outputs)
            raise ParameterError(
                f"no output of {self._network.name} is a picture ({shapes}); give --save FILE.npz"
            )
        picture = shown(pictures[0], self._how)
        if self._colour and picture.shape[2] == 1:
            picture = coloured(picture[:, :, 0], files.read(source), self._how)
        files.write(path, picture)


def images_of(images: Sequence[str]) -> tuple[list[Path], dict[str, ParameterError]]:
    """Return the files that arguments name: themselves, those in folders, those of patterns.

    With them, by argument, why others name none.
    """
    from striate.errors import ParameterError

    found: list[Path] = []
    failed: dict[str, ParameterError] = {}
    for text in images:
        try:
            found += _named(text)
        except ParameterError as error:
            failed[text] = error
    return list(dict.fromkeys(found)), failed


def _named(text: str) -> list[Path]:
    from striate.cli._filter_sources import image_files
    from striate.errors import ParameterError

    path = Path(text)
    if path.exists() or not any(sign in text for sign in "*?["):
        return image_files(path)
    matches = _matches(path)
    if not matches:
        raise ParameterError(f"{text!r} matches no file; check the pattern")
    return [file for match in matches for file in image_files(Path(match))]


def _matches(pattern: Path) -> list[Path]:
    """Return the files that a pattern names, in order."""
    if pattern.is_absolute():
        return sorted(Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor))))
    return sorted(Path().glob(str(pattern)))
