import click
import pytest

from agents.terminal.spans import Moment, Span, spoken

DAY = 86_400_000


@pytest.mark.parametrize(
    ("text", "span"), [("30m", 1_800_000), ("2h", 7_200_000), ("7d", 7 * DAY), ("4w", 28 * DAY), ("400d", 400 * DAY)]
)
def test_spans(text: str, span: int) -> None:
    assert Span().convert(text, None, None) == span


@pytest.mark.parametrize("text", ["7", "d", "0d", "-1d", "7 d", "1.5h", "999999999w", "7D", ""])
def test_what_is_no_span(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no span: write a number and m, h, d or w"):
        Span().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-22", 1_795_305_600_000),
        ("2026-11-22T08:15Z", 1_795_335_300_000),
        ("2026-11-22 08:15:03.12Z", 1_795_335_303_120),
        ("2026-11-22T09:15+01:00", 1_795_335_300_000),
    ],
)
def test_moments(text: str, time: int) -> None:
    assert Moment().convert(text, None, None) == time


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-11-22T08:15", "22.11.2026", ""])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no time"):
        Moment().convert(text, None, None)


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (DAY, "1 day"),
        (7 * DAY, "7 days"),
        (36 * 3_600_000, "36 hours"),
        (90 * 60_000, "90 minutes"),
        (61_000, "61 seconds"),
    ],
)
def test_spans_are_spoken(span: int, told: str) -> None:
    assert spoken(span) == told
