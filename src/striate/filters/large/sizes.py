"""Amounts of memory, as people write and read them."""

from __future__ import annotations

import re

from striate.errors import ParameterError

__all__ = ["bytes_of", "sized"]

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
WRITTEN = re.compile(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([KMGT]?B|)\s*", re.IGNORECASE | re.ASCII)


def sized(count: int) -> str:
    """Return a number of bytes in three digits, rounded up so that it is enough.

    Examples
    --------
    >>> sized(999), sized(268_435_456), sized(1_200_000_001)
    ('999 bytes', '269 MB', '1.21 GB')
    """
    if count < 1000:
        return f"{count} bytes"
    digit = 10 ** (len(str(count)) - 3)
    rounded = -(-count // digit) * digit
    unit = next(name for name in ("TB", "GB", "MB", "KB") if rounded >= UNITS[name])
    return f"{rounded / UNITS[unit]:.10g} {'kB' if unit == 'KB' else unit}"


def bytes_of(text: str) -> int:
    """Return the bytes of what `sized` and people write.

    Raises
    ------
    ParameterError
        The text is none, or less than a byte.

    Examples
    --------
    >>> bytes_of("512MB"), bytes_of("1.5 gb"), bytes_of("4096")
    (512000000, 1500000000, 4096)
    """
    found = WRITTEN.fullmatch(text)
    count = round(float(found[1]) * UNITS[found[2].upper()]) if found else 0
    if count < 1:
        raise ParameterError(f"memory is {text!r}; it must be a size such as 512MB or 1.5GB")
    return count
