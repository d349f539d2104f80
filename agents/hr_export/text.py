"""The file as text and rows: which encoding, which delimiter. A guess that would garble names is refused, not taken."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from typing import Final

from agents.errors import Failed

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DELIMITERS: Final = ",;\t|"
_LOOKED_AT: Final = 64 << 10
_ROWS_LOOKED_AT: Final = 50
_LONGEST_CELL: Final = 1 << 20

_UTF8_LETTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}")
# What letters of cp850, cp437 or Mac Roman become in cp1252: a sign, or a capital, where only a small letter fits.
_NO_LETTER = re.compile(
    r"(?<=[a-z])[‚ƒ„ˆ‡§]|(?<=[A-Za-z])[\xa1-\xa9\xab-\xb6\xb8\xb9\xbb-\xbf…†‰‹›“”‘˜™•÷×](?=[a-z])|(?<=[A-Za-z])[ŠŽŸŒ](?=[a-z])"
)
_HIGH_BYTE = re.compile(rb"[\x80-\xff]")


def decode(raw: bytes, encoding: str | None = None) -> tuple[str, str]:
    """Return the text and its encoding. Raises Failed where that cannot be told for sure."""
    if not raw.strip():
        raise Failed("the file is empty: export it again")
    if raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Failed("this is a workbook, not a CSV file: save it as CSV UTF-8 and import that")
    found = encoding or next((name for bom, name in _BOMS if raw.startswith(bom)), None) or _unmarked_utf16(raw)
    text, found = _strict(raw, found) if found else _guess(raw)
    if "\0" in text[:_LOOKED_AT]:
        raise Failed(f"as {found} the file holds NUL signs: name its encoding, for example --encoding utf-16-le")
    return text.removeprefix("\ufeff"), found


def _unmarked_utf16(raw: bytes) -> str | None:
    head = raw[:4096]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * 4 < len(head):  # half of it in most languages
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def _strict(raw: bytes, encoding: str) -> tuple[str, str]:
    try:
        return raw.decode(encoding), encoding
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Failed(f"line {line} is not {encoding}: name the file's encoding with --encoding") from None
    except UnicodeError:
        raise Failed(f"the file is not {encoding}: name its encoding with --encoding") from None


def _guess(raw: bytes) -> tuple[str, str]:
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        broken = error
    line = raw.count(b"\n", 0, broken.start) + 1
    if _UTF8_LETTER.search(raw[: broken.start]) or len(_UTF8_LETTER.findall(raw)) * 4 > len(_HIGH_BYTE.findall(raw)):
        raise Failed(
            f"the file is UTF-8, but not in line {line}: export it again, or name its encoding with --encoding"
        )
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Failed(_unknown(line)) from None
    odd = _NO_LETTER.search(text)
    if odd:
        raise Failed(_unknown(text.count("\n", 0, odd.start()) + 1))
    return text, "cp1252"


def _unknown(line: int) -> str:
    return (
        f"line {line} is neither UTF-8 nor cp1252: name the encoding, for example --encoding cp850 (DOS), "
        "mac-roman or iso8859-2"
    )


def sniff(text: str) -> str:
    """Return the delimiter: the one that cuts the first rows into the same number of cells, the more the better."""
    head = text[:_LOOKED_AT]
    if len(text) > len(head):
        head = head[: head.rfind("\n") + 1] or head
    return max(_DELIMITERS, key=lambda delimiter: _fit(head, delimiter))


def _fit(head: str, delimiter: str) -> tuple[float, int]:
    widths = []
    try:
        for row in csv.reader(io.StringIO(head, newline=""), delimiter=delimiter):
            if row:
                widths.append(len(row))
            if len(widths) == _ROWS_LOOKED_AT:
                break
    except csv.Error:
        return 0.0, 0
    if not widths or widths[0] == 1:
        return 0.0, 0
    return sum(width == widths[0] for width in widths) / len(widths), widths[0]


def rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank with its number. Raises Failed where quotes are wrong."""
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, row in enumerate(reader, 1):
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield number, cells
    except csv.Error as error:
        what = "opens a quote that is never closed" if "end of data" in str(error) else f"has wrong quotes ({error})"
        if "field larger" in str(error):
            what = "has a cell of more than 1 MiB; a quote before it may not be closed"
        raise Failed(f"row {number + 1} {what}: mend it in the file") from None
