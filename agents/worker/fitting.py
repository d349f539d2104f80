"""What is put aside is cut where Kafka would not take it.

A topic's limit is that of a batch as it was compressed: a message that came in small may be huge when it is unpacked,
and its headers have no limit of their own. Sent on as it is, it would fail each checkpoint, and nothing would ever
be committed again. So what is larger than `esn.rejects` takes uncompressed is kept up to there, and the headers
`key_bytes` and `value_bytes` say how much there was.
"""

from collections.abc import Sequence
from typing import Final

from agents.worker.checkpoint import LARGEST_REQUEST, Outgoing
from pipeline.reading import MOVED_HEADER

_LARGEST_HEADERS: Final = 32 << 10
_LARGEST_HEADER: Final = 1 << 10
_LARGEST: Final = LARGEST_REQUEST - 2 * _LARGEST_HEADERS  # what remains for Kafka's own fields is plenty
_OURS: Final = frozenset({"reason", "topic", "partition", "offset", MOVED_HEADER})

Headers = Sequence[tuple[str, bytes | None]]


def weight(message: Outgoing) -> int:
    """Return how many bytes a message takes, about."""
    return len(message.key or b"") + len(message.value or b"") + _bytes(message.headers) + 200


def fitting(message: Outgoing) -> Outgoing:
    """Return the message, or as much of it as Kafka takes."""
    key, value, headers = message.key or b"", message.value or b"", message.headers
    if _bytes(headers) > _LARGEST_HEADERS:
        headers = [header for header in headers if header[0] in _OURS and _bytes([header]) <= _LARGEST_HEADER]
        message = message._replace(headers=headers)
    if len(key) + len(value) > _LARGEST:
        kept_key = key[: _LARGEST // 2]
        told = [("key_bytes", b"%d" % len(key)), ("value_bytes", b"%d" % len(value))]
        message = message._replace(
            key=kept_key if message.key is not None else None,
            value=value[: _LARGEST - len(kept_key)] if message.value is not None else None,
            headers=[*headers, *told],
        )
    return message


def _bytes(headers: Headers) -> int:
    return sum(len(name) * 4 + len(value or b"") + 10 for name, value in headers)
