"""Whether a worker lives, and whether it is ready: what the two pages under /health say.

live    no intake has died and nothing has failed; that the event loop turns, the answer itself shows
ready   starting            503   not in its group yet
        recovering          503   has been given partitions, or the group moves, and its state is not there yet
        ClickHouse away     503   reads on up to a bound, stores nothing
        stopping            503   was told to end
        no partitions       200   a spare worker: there is nothing it fails to do, and it takes over at any time
        ready               200
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.worker.app import Pulse
    from agents.worker.intake import Intake


@dataclass(frozen=True)
class Health:
    """An answer."""

    good: bool
    status: str
    details: dict[str, Any]


def live(pulse: "Pulse") -> Health:
    """Say whether this process can still do its work."""
    died = sorted(number for number, intake in pulse.intakes.items() if _has_died(intake))
    if pulse.batches.failure is not None:
        return Health(False, "failed", {"error": type(pulse.batches.failure).__name__})
    if died and not pulse.app.should_stop:
        return Health(False, "partitions died", {"partitions": died})
    return Health(True, "live", {})


def _has_died(intake: "Intake") -> bool:
    """Say whether its work has ended by itself; one that another worker took over is about to go."""
    return intake.ended and not intake.fenced


def ready(pulse: "Pulse", was_ready: bool) -> Health:
    """Say whether this worker does its part; `was_ready`: it had its partitions once."""
    sink, owned = pulse.sink, pulse.owned
    details: dict[str, Any] = {
        "partitions": sorted(owned or ()),
        "paused": sorted(
            f"{feed.tp.topic}/{feed.tp.partition}"
            for intake in pulse.intakes.values()
            for feed in intake.inbox.feeds.values()
            if feed.paused
        ),
        "clickhouse": "not needed yet" if sink is None else "up" if sink.up else sink.last_error or "not asked yet",
    }
    good = False
    if pulse.batches.failure is not None:
        status = "failed"
    elif pulse.app.should_stop:
        status = "stopping"
    elif owned is None:
        assigned = pulse.batches._owned is not None
        status = "recovering" if assigned or was_ready else "starting"
    elif sink is not None and not sink.up:
        status = "ClickHouse away"
    else:
        good, status = True, "ready" if owned else "no partitions"
    return Health(good, status, details)
