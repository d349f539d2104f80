"""`esn-pulse worker`, with points at which it kills itself; forked from a process that has all modules, to begin soon.

CHAOS_POINT=name:n     SIGKILL the n-th time that the point is reached; its name is written to CHAOS_HIT before
CHAOS_DOING=path       what it is doing is in this file at any moment
CHAOS_SESSION_SECONDS  the group's session time-out; the product's is too long for a test

Rules: wraps the product's methods and changes nothing they do. Points are declared in `points.py`.
"""

import multiprocessing
import os
import random
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.__main__ import main
from agents.seam import faust_driver
from agents.worker import app
from tests.chaos import doing, points

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess


def die_at(wanted: str) -> None:
    """Make the process kill itself at a point."""
    name, _, count = wanted.partition(":")
    left = int(count or 1)

    def reached() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            hit = Path(os.environ["CHAOS_HIT"])
            hit.write_text(wanted)
            os.kill(os.getpid(), signal.SIGKILL)

    points.mark_checkpoints()
    points.POINTS[name](reached)


def shorten_session(seconds: float) -> None:
    """Let the group notice a dead worker sooner."""
    product = faust_driver.faust_settings

    def faust_settings(**given: Any) -> dict[str, Any]:
        return product(**given) | {
            "broker_session_timeout": seconds,
            "broker_heartbeat_interval": seconds / 6,
            "broker_rebalance_timeout": 20.0,
        }

    app.__dict__["faust_settings"] = faust_settings


def run(env: dict[str, str], log: Path) -> None:
    """Be a worker with this environment; everything it says is in the log."""
    with log.open("wb") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    os.environ.clear()
    os.environ.update(env)
    random.seed()  # else all that are forked roll the same dice
    if path := env.get("CHAOS_DOING"):
        doing.tell(Path(path))
    if point := env.get("CHAOS_POINT"):
        die_at(point)
    if session := env.get("CHAOS_SESSION_SECONDS"):
        shorten_session(float(session))
    sys.exit(main(["worker"]))


_FORKED = multiprocessing.get_context("forkserver")
_FORKED.set_forkserver_preload(["agents.commands.worker", __name__])


def begin(env: dict[str, str], log: Path) -> "ForkServerProcess":
    """Start a worker; return its process."""
    process = _FORKED.Process(target=run, args=(env, log))
    process.start()
    return process
