"""How the text of one setting is read: a parser takes it and returns the value, or raises ValueError.

Rules: an error's message goes behind the variable's name ("ESN_WEB_PORT" + " is x: choose 1 to 65535") and
names no part of a secret. Nothing here opens a connection or knows which settings there are.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

_HOST_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+(%[A-Za-z0-9._-]+)?\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})")
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_SCHEMES = {"clickhouse": 9000, "clickhouses": 9440}


@dataclass(frozen=True, slots=True)
class ClickHouseAddress:
    """Where ClickHouse's native protocol answers, and as whom."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    secure: bool


def plain(text: str) -> str:
    """Take the text as it is."""
    return text


def number(low: int = 0, high: int = 0, only: tuple[int, ...] = ()) -> Callable[[str], int]:
    """Take a whole number from low to high, or one of `only`."""
    allowed = ", ".join(map(str, only[:-1])) + f" or {only[-1]}" if only else f"{low} to {high}"

    def parse(text: str) -> int:
        value = int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else None
        if value is None or not (value in only if only else low <= value <= high):
            raise ValueError(f"is {text}: choose {allowed}")
        return value

    return parse


def choice(*allowed: str) -> Callable[[str], str]:
    """Take one of some words, in upper or lower case."""
    words = {word.casefold(): word for word in allowed}

    def parse(text: str) -> str:
        if text.casefold() not in words:
            raise ValueError(f"is {text}: choose {', '.join(allowed[:-1])} or {allowed[-1]}")
        return words[text.casefold()]

    return parse


def existing_file(text: str) -> str:
    """Take the path of a file that is there; nothing stays nothing."""
    if text and not Path(text).expanduser().is_file():
        raise ValueError(f"is {text}: there is no such file")
    return str(Path(text).expanduser()) if text else ""


def time_zone(text: str) -> str:
    """Take the name of an IANA time zone."""
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = difflib.get_close_matches(text, available_timezones(), n=1)
        told = f"did you mean {near[0]}?" if near else "write an IANA time zone, as in Europe/Madrid"
        raise ValueError(f"is {text}: {told}") from None


def directory(text: str) -> Path:
    """Take a path; the directory is made when it is needed."""
    return Path(text).expanduser()


def prefix_name(text: str) -> str:
    """Take what may begin both a topic's and a database's name."""
    if text and not _PREFIX.fullmatch(text):
        raise ValueError(f"is {text}: use letters, digits and _, a letter first, 64 at most")
    return text


def kafka_addresses(text: str) -> str:
    """Take `host:port, host:port` (IPv6 in brackets) and return it without blanks."""
    found = [part.strip() for part in text.split(",")]
    for part in found:
        match = _HOST_PORT.fullmatch(part)
        if match is None or not 0 < int(match["port"]) < 65536:
            raise ValueError(f"is {text}: write host:port, several with commas, for example 127.0.0.1:9092")
    return ",".join(found)


def clickhouse_address(text: str) -> ClickHouseAddress:
    """Take `clickhouse://user:password@host:port/database`; user and password may be percent-encoded."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(
            "has a host or port that cannot be read: write clickhouse://user:password@host:port/database, "
            "with @ : / ? # % in the password as %40 %3A %2F %3F %23 %25"
        ) from None
    if parts.scheme not in _SCHEMES:
        raise ValueError("does not begin with clickhouse:// or clickhouses:// (TLS)")
    if not parts.hostname or port == 0:
        raise ValueError("names no host or no port: write clickhouse://user:password@host:port/database")
    if parts.query or parts.fragment:
        raise ValueError("has a ? or # in it: write them as %3F and %23; there are no options")
    database = unquote(parts.path).strip("/") or "esn"
    if not _DATABASE.fullmatch(database):
        raise ValueError("ends in a database that has other signs than letters, digits and _")
    return ClickHouseAddress(
        host=parts.hostname,
        port=port or _SCHEMES[parts.scheme],
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        database=database,
        secure=parts.scheme == "clickhouses",
    )
