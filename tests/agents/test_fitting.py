import pytest

from agents.worker.checkpoint import LARGEST_REQUEST, Outgoing
from agents.worker.fitting import fitting, weight
from pipeline.reading import MOVED_HEADER

OURS = (("reason", b"too_large"), ("topic", b"esn.logins"), ("partition", b"3"), ("offset", b"17"))
MEBIBYTE = 1 << 20


def rejected(value: bytes | None, key: bytes | None = None, headers: object = OURS) -> Outgoing:
    return Outgoing("esn.rejects", None, key, value, headers)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", [None, b"", b"u1", b"\xff" * (3 * MEBIBYTE // 2)])
@pytest.mark.parametrize("value", [None, b"", b"{", b"\0" * 2 * MEBIBYTE])
def test_what_the_inputs_take_is_left_as_it_is(key: bytes | None, value: bytes | None) -> None:
    message = rejected(value, key)
    assert fitting(message) is message


def test_a_larger_value_is_kept_up_to_the_limit_and_told() -> None:
    found = fitting(rejected(b"v" * 20 * MEBIBYTE, b"k"))
    assert found.key == b"k"
    assert len(found.value or b"") > LARGEST_REQUEST - MEBIBYTE
    assert weight(found) < LARGEST_REQUEST
    assert dict(found.headers) == dict(OURS) | {"key_bytes": b"1", "value_bytes": b"20971520"}


def test_a_larger_key_leaves_room_for_the_value() -> None:
    found = fitting(rejected(b"v" * MEBIBYTE, b"k" * 20 * MEBIBYTE))
    assert found.value == b"v" * MEBIBYTE
    assert weight(found) < LARGEST_REQUEST
    assert fitting(rejected(None, b"k" * 20 * MEBIBYTE)).value is None
    assert fitting(rejected(b"v" * 20 * MEBIBYTE)).key is None


def test_headers_of_others_go_when_they_are_many_or_large() -> None:
    moved = (MOVED_HEADER, b"3")
    few = [("trace", b"1"), ("none", None), moved]
    assert list(fitting(rejected(b"{}", b"u1", few)).headers) == few
    for many in (
        [("x", b"y" * 3 * MEBIBYTE)],
        [("x", b"y")] * 100_000,
        [("x" * MEBIBYTE, None)],
        [("reason", b"y" * MEBIBYTE)],
    ):
        found = fitting(rejected(b"{}", b"u1", [*many, moved]))
        assert list(found.headers) == [moved]
        assert (found.key, found.value) == (b"u1", b"{}")
