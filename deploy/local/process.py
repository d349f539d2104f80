"""Starting and ending operating system processes that outlive us, never by name."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from deploy.local.state import Started

# Two readings of one start time differ by less; a pid does not come round again in that time.
_SAME_SECONDS = 1.0

_children: list[subprocess.Popen[bytes]] = []  # kept, so that those that ended can be collected


def start(command: Sequence[str], output: Path, home: Path, environ: Mapping[str, str]) -> Started:
    """Start a process in `home` that no terminal can interrupt; what it prints is added to `output`."""
    with output.open("ab") as out:
        child = subprocess.Popen(  # noqa: S603  (the command is ours)
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=home,
            env={**os.environ, **environ},
            start_new_session=True,
        )
    _children.append(child)
    return Started(child.pid, psutil.Process(child.pid).create_time())


def living(started: Started) -> psutil.Process | None:
    """Return the process, if it is still the one that was started and has not ended."""
    try:
        process = psutil.Process(started.pid)
        same = abs(process.create_time() - started.created) < _SAME_SECONDS
        if same and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except psutil.NoSuchProcess:
        pass
    _children[:] = [child for child in _children if child.poll() is None]
    return None


def ask_to_end(started: Started) -> bool:
    """Send SIGTERM; tell whether there was somebody to send it to."""
    process = living(started)
    if process is None:
        return False
    try:
        process.terminate()
    except psutil.NoSuchProcess:
        return False
    return True


def kill(started: Started) -> None:
    """Send SIGKILL and wait until the process is gone."""
    process = living(started)
    if process is None:
        return
    try:
        process.kill()
        process.wait(10)
    except psutil.NoSuchProcess:
        pass


def wait_for_end(started: Started, patience_seconds: float) -> None:
    """Wait until a process that was asked to end is gone; kill it when patience runs out.

    One that is called a zombie may still be letting go of its ports, so it is waited for, too.
    """
    try:
        process = psutil.Process(started.pid)
        if abs(process.create_time() - started.created) < _SAME_SECONDS:
            process.wait(patience_seconds)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired:
        kill(started)
