"""One page <-> bytes: how columns are written down, and how it is told when bytes are not what they should be.

Rules
- Equal columns give equal bytes: what changed since the last checkpoint is found by comparing pages.
- A page is a format byte, then its columns one behind the other. Whoever reads asks for the same columns in the same
  order; bytes that end early or are left over raise. What a column means is not known here.
- Whole numbers are kept less the column's least one, in as few bytes as the greatest needs, all first bytes before
  all second ones: small as they are, and smaller after the producer's compression.
- Raise FORMAT with every change of what a page holds. Another format is refused, never guessed at.

    BadPages            the state in `esn.pages` cannot be used
    +-- OtherFormat     it was written by another version
    +-- TornPages       pages are missing, left over, damaged or of different moments
    +-- OtherPartition  it belongs to another source partition, or to another number of them
"""

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.acts import Bools, Ints
from pipeline.duplicates import Digests

FORMAT: Final = 3
_COLUMN: Final = struct.Struct("<IBq")
"""Length, bytes per value, least value."""
_GREATEST: Final = np.iinfo(np.int64).max
_SIZE: Final = struct.Struct("<I")


class BadPages(Exception):  # noqa: N818  (so are its kinds: they say what is wrong with the pages)
    """The state that was written down cannot be used; the message says what to do, in one line."""


class OtherFormat(BadPages):
    """The pages were written by another version."""

    def __init__(self, found: int) -> None:
        super().__init__(
            f"the pages in esn.pages are of format {found}, this esn-pulse reads format {FORMAT}: start the version "
            "that wrote them, or one that reads both"
        )


class TornPages(BadPages):
    """Pages are missing, left over, damaged or of different moments."""


class OtherPartition(BadPages):
    """The pages belong to another source partition, or to another number of them."""


class PageWriter:
    """Columns in, a page out."""

    def __init__(self) -> None:
        self._parts: list[bytes] = [bytes([FORMAT])]

    def ints(self, values: "Ints | NDArray[np.unsignedinteger]", absent: int | None = None) -> None:
        """Add whole numbers of any shape; `absent` stands for no value and may lie far from the others."""
        flat = values.astype(np.int64, copy=False).ravel()
        if absent is None:
            least = int(flat.min()) if len(flat) else 0
            codes = flat - least
        else:
            gone = flat == absent
            least = int(np.where(gone, _GREATEST, flat).min()) if not gone.all() else 0
            codes = flat - (least - 1)
            codes[gone] = 0
        width = (int(codes.max(initial=0)).bit_length() + 7) // 8
        planes = codes.astype("<i8", copy=False).view(np.uint8).reshape(-1, 8)[:, :width].T
        self._parts += [_COLUMN.pack(len(flat), width, least), planes.tobytes()]

    def bools(self, values: Bools) -> None:
        """Add yes or no, of any shape."""
        self._parts += [_SIZE.pack(values.size), np.packbits(values).tobytes()]

    def digests(self, values: Digests) -> None:
        """Add hashes, in which there is nothing to save."""
        self._parts += [_SIZE.pack(len(values)), values.astype("<u8", copy=False).tobytes()]

    def texts(self, values: Sequence[str]) -> None:
        """Add texts, each of any characters."""
        joined = "".join(values).encode()
        self.ints(np.fromiter(map(len, values), np.int64, len(values)))
        self._parts += [_SIZE.pack(len(joined)), joined]

    def page(self) -> bytes:
        """Return the page."""
        return b"".join(self._parts)


class PageReader:
    """A page in, columns out. Raises `BadPages`, also when asked for a column that is not there."""

    def __init__(self, page: bytes) -> None:
        check_format(page)
        self._page = page
        self._place = 1

    def ints(self, absent: int | None = None) -> Ints:
        """Return whole numbers as int64, flat."""
        length, width, least = self._unpack(_COLUMN)
        if width > 8:
            raise _torn()
        codes = np.zeros((length, 8), np.uint8)
        codes[:, :width] = np.frombuffer(self._take(length * width), np.uint8).reshape(width, length).T
        values: Ints = codes.view("<i8").ravel() + least
        if absent is not None:
            values = np.where(values == least, absent, values - 1)
        return values

    def bools(self) -> Bools:
        """Return yes or no, flat."""
        (length,) = self._unpack(_SIZE)
        packed = np.frombuffer(self._take((length + 7) // 8), np.uint8)
        return np.unpackbits(packed, count=length).astype(bool)

    def digests(self) -> Digests:
        """Return hashes."""
        (length,) = self._unpack(_SIZE)
        return np.frombuffer(self._take(length * 8), "<u8").astype(np.uint64)

    def texts(self) -> list[str]:
        """Return texts."""
        ends = np.cumsum(self.ints()).tolist()
        (size,) = self._unpack(_SIZE)
        try:
            joined = self._take(size).decode()
        except UnicodeDecodeError:
            raise _torn() from None
        if len(joined) != (ends[-1] if ends else 0):
            raise _torn()
        return [joined[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def done(self) -> None:
        """Say that everything was read."""
        if self._place != len(self._page):
            raise _torn()

    def _unpack(self, form: struct.Struct) -> tuple[Any, ...]:
        return form.unpack(self._take(form.size))

    def _take(self, size: int) -> bytes:
        taken = self._page[self._place : self._place + size]
        if len(taken) != size:
            raise _torn()
        self._place += size
        return taken


def check_format(page: bytes) -> None:
    """Raise `OtherFormat` unless this version reads such pages."""
    if not page:
        raise _torn()
    if page[0] != FORMAT:
        raise OtherFormat(page[0])


def _torn() -> TornPages:
    return TornPages(
        "a page in esn.pages is damaged: restore the topic from a backup, or see the runbook, 'Lost state'"
    )
