"""Tiles and strips of TIFF and BigTIFF files: where they lie, read and decoded in parallel."""

from __future__ import annotations

import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import FileError, MissingExtraError, one_line
from striate.filters.large.layouts import Layout, checked
from striate.ops._threads import thread_count

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

__all__ = ["TiffSource", "require_tifffile"]

LOSSLESS = {1: None, 5: "lzw", 8: "deflate", 32946: "deflate", 50000: "zstd"}
# Colour profile, and where on Earth the image lies: tags that stay true of a filtered image.
KEPT = (34675, 33550, 33922, 34264, 34735, 34736, 34737, 42113)
# What tifffile and imagecodecs raise on bytes that are not what they should be.
DAMAGE = (
    ValueError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    OSError,
    struct.error,
)


def require_tifffile() -> None:
    """Raise MissingExtraError unless TIFF files can be read and written here."""
    try:
        import imagecodecs  # noqa: F401
        import tifffile  # noqa: F401
    except ImportError:
        raise MissingExtraError.of(
            "tifffile and imagecodecs", "large", "streaming TIFF files"
        ) from None


class TiffSource:
    """The first page of a TIFF file."""

    def __init__(self, place: Path) -> None:
        require_tifffile()
        self.place = place
        self.file = open_tiff(place)
        try:
            self.page = first_page(self.file, place)
            self.layout = layout_of(self.page, place)
            self.numbers = plain_rows(self.page)
            self.place_of = self.page.dataoffsets
            self.bytes_of = self.page.databytecounts
            self.check_segments()
        except DAMAGE as error:
            self.file.close()
            if isinstance(error, FileError):
                raise
            raise damaged(place, "the header", error) from None
        self.bytes = place.open("rb", buffering=0)
        self.lock = threading.Lock()
        self.decoders = ThreadPoolExecutor(thread_count(), "striate-decode")

    def close(self) -> None:
        """Let go of the file."""
        self.decoders.shutdown()
        self.bytes.close()
        self.file.close()

    def check_segments(self) -> None:
        """Refuse a file that ends before its tiles do."""
        down, across = self.grid
        planes = self.page.samplesperpixel if self.page.planarconfig == 2 else 1
        needed = planes * down * across
        if min(len(self.place_of), len(self.bytes_of)) < needed:
            raise FileError(
                f"{self.place}: {len(self.place_of)} tiles, but the image has {needed}; "
                f"get a whole copy of the file"
            )
        size = self.file.filehandle.size
        for index in range(needed):
            if self.place_of[index] + self.bytes_of[index] > size:
                raise FileError(
                    f"{self.place}: {self.name(index)} ends beyond the file's {size} bytes; "
                    f"get a whole copy of the file"
                )

    @property
    def segment(self) -> tuple[int, int]:
        """Rows and columns of a tile or strip, as the file says."""
        if self.page.is_tiled:
            return self.page.tilelength, self.page.tilewidth
        return min(self.page.rowsperstrip, self.page.imagelength), self.page.imagewidth

    @property
    def grid(self) -> tuple[int, int]:
        """How many tiles or strips there are, down and across."""
        down, across = self.segment
        return -(-self.page.imagelength // down), -(-self.page.imagewidth // across)

    def name(self, index: int) -> str:
        """Return what a tile or strip is called in messages."""
        down, across = self.grid
        kind = "tile" if self.page.is_tiled else "strip"
        top, left = divmod(index % (down * across), across)
        return f"{kind} {index} (row {top}, column {left} of {down} x {across})"

    def read(self, rows: range, columns: range, out: NDArray[Any]) -> None:
        """Fill `out` with a part of the image."""
        if self.numbers:
            self.read_numbers(rows, columns, out)
            return
        pixels = out.reshape(*out.shape[:2], -1)
        (down, across), (_, wide) = self.segment, self.grid
        area = self.grid[0] * wide
        tiles = product(
            range(self.page.samplesperpixel if self.page.planarconfig == 2 else 1),
            range(rows.start // down, -(-rows.stop // down)),
            range(columns.start // across, -(-columns.stop // across)),
        )
        indices = [plane * area + top * wide + left for plane, top, left in tiles]

        def fill(index: int) -> None:
            self.read_segment(index, rows, columns, pixels)

        copied = self.page.compression == 1  # which takes less than handing it to a thread
        for _ in map(fill, indices) if copied else self.decoders.map(fill, indices):
            pass

    def read_segment(self, index: int, rows: range, columns: range, pixels: NDArray[Any]) -> None:
        """Decode a tile or strip, and copy what of it lies in the wanted part."""
        data = self.bytes_at(index) if self.bytes_of[index] else None  # None: never written
        try:
            tables = self.page.jpegtables
            hints = {} if tables is None else {"jpegtables": tables}
            decoded, (plane, _, top, left, _), _ = self.page.decode(data, index, **hints)
            planes = slice(plane, plane + 1) if self.page.planarconfig == 2 else slice(None)
            down, across = self.segment if decoded is None else decoded.shape[1:3]
            low, high = max(top, rows.start), min(top + down, rows.stop)
            first, last = max(left, columns.start), min(left + across, columns.stop)
            target = pixels[
                low - rows.start : high - rows.start,
                first - columns.start : last - columns.start,
                planes,
            ]
            if decoded is None:
                target[...] = self.page.nodata
            else:
                target[...] = decoded[0, low - top : high - top, first - left : last - left]
        except DAMAGE as error:
            raise damaged(self.place, self.name(index), error) from None

    def bytes_at(self, index: int) -> bytearray:
        """Return the bytes of a tile or strip."""
        data = bytearray(self.bytes_of[index])
        self.read_into(memoryview(data), self.place_of[index], index)
        return data

    def read_into(self, buffer: memoryview, start: int, index: int) -> None:
        """Fill `buffer` with the file's bytes from `start` on."""
        try:
            with self.lock:
                self.bytes.seek(start)
                while buffer and (got := self.bytes.readinto(buffer)):
                    buffer = buffer[got:]
        except OSError as error:
            raise damaged(self.place, self.name(index), error) from None
        if buffer:
            raise FileError(f"{self.place}: {self.name(index)} is cut short; get a whole copy")

    def read_numbers(self, rows: range, columns: range, out: NDArray[Any]) -> None:
        """Read plain numbers to where they belong: whole rows at once, or a part of one."""
        length, width = self.segment
        pixel = self.page.samplesperpixel * out.itemsize
        row = rows.start
        while row < rows.stop:
            strip = row // length
            end = min((strip + 1) * length, rows.stop) if len(columns) == width else row + 1
            part = out[row - rows.start : end - rows.start]
            start = self.place_of[strip] + ((row - strip * length) * width + columns.start) * pixel
            self.read_into(part.reshape(-1).view(np.uint8).data, start, strip)
            row = end
        if not np.dtype(f"{self.file.byteorder}u2").isnative:
            out.byteswap(inplace=True)


def damaged(place: Path, what: str, error: BaseException) -> FileError:
    """Return the error of a part of a file that cannot be decoded."""
    return FileError(
        f"{place}: {what} is damaged ({one_line(error)}); get a whole copy of the file"
    )


def open_tiff(place: Path) -> TiffFile:
    """Open a file; its header alone is read."""
    from tifffile import TiffFile

    if place.is_dir():
        raise FileError(f"{place}: a folder, not a TIFF file; name a file in it")
    try:
        return TiffFile(place)
    except FileNotFoundError:
        raise FileError(f"{place}: no such file; check the path") from None
    except PermissionError:
        raise FileError(f"{place}: not readable; check its permissions") from None
    except DAMAGE as error:
        raise FileError(
            f"{place}: not a TIFF file, or a damaged one ({one_line(error)}); check the file"
        ) from None


def first_page(file: TiffFile, place: Path) -> TiffPage:
    """Return the page that is filtered, if its numbers are colours as filters take them."""
    from tifffile import PHOTOMETRIC, TiffPage

    page = file.pages.first
    if not isinstance(page, TiffPage):
        raise FileError(f"{place}: holds no image; check the file")
    colours = (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB)
    jpeg = page.photometric == PHOTOMETRIC.YCBCR and page.compression in (6, 7)
    if page.photometric not in colours and not jpeg:
        kind = getattr(page.photometric, "name", page.photometric)
        raise FileError(f"{place}: colours of kind {kind}; convert it to grey or RGB first")
    turned = page.tags.valueof(274, 1)
    if turned != 1:
        raise FileError(f"{place}: turned (orientation {turned}); store it upright first")
    if page.imagedepth > 1 or page.bitspersample not in (8, 16, 32, 64):
        raise FileError(
            f"{place}: {page.bitspersample} bits a number, depth {page.imagedepth}; "
            f"filters take planes of 8, 16, 32 or 64 bits: convert the file"
        )
    return page


def plain_rows(page: TiffPage) -> bool:
    """Whether the page's strips are rows of numbers, as an array holds them."""
    plain = page.compression == 1 and page.predictor == 1 and page.fillorder == 1
    whole = page.planarconfig == 1 or page.samplesperpixel == 1
    return plain and whole and not page.is_tiled and min(page.databytecounts) > 0


def layout_of(page: TiffPage, place: Path) -> Layout:
    """Return what a page's header says."""
    if page.dtype is None:
        raise FileError(f"{place}: numbers of an unknown kind; convert the file")
    plane = (page.imagelength, page.imagewidth)
    shape = (*plane, page.samplesperpixel) if page.samplesperpixel > 1 else plane
    strip = 1 if plain_rows(page) else min(page.rowsperstrip, page.imagelength)
    tile = (page.tilelength, page.tilewidth) if page.is_tiled else (strip, page.imagewidth)
    extras: dict[str, Any] = {
        "tags": [
            (tag.code, int(tag.dtype), tag.count, tag.value, True)
            for tag in (page.tags.get(code) for code in KEPT)
            if tag is not None
        ],
        "resolution": page.resolution if 282 in page.tags and 283 in page.tags else None,
        "resolutionunit": page.tags.valueof(296, None),
        "extrasamples": page.extrasamples,
        "rgb": page.photometric != 1,
    }
    return Layout(
        shape,
        checked(place, shape, page.dtype),
        tile,
        page.is_tiled,
        LOSSLESS.get(page.compression, "deflate"),
        extras,
    )
