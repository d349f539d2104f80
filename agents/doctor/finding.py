"""One line of the doctor's answer."""

from typing import Literal, NamedTuple

from agents.errors import Failed

State = Literal["ok", "warning", "wrong"]


class Finding(NamedTuple):
    """What was looked at, how it is, and what to do about it."""

    check: str
    state: State
    found: str
    advice: str = ""


def wrong(check: str, error: Failed) -> Finding:
    """Return an error as a finding; its last part says what to do."""
    found, _, advice = str(error).rpartition(": ")
    return Finding(check, "wrong", found or advice, advice if found else "")


def seconds(span_ms: float) -> str:
    """Write a span as seconds, or as something shorter to read."""
    span = abs(span_ms) / 1000
    if span < 120:
        return f"{span:.1f} s"
    if span < 7200:
        return f"{span / 60:.0f} minutes"
    return f"{span / 3600:.0f} hours" if span < 172_800 else f"{span / 86_400:,.0f} days"
