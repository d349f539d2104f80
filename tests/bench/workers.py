"""`esn-pulse worker`, as users run it: a process of its own, ended by its own id."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.bench.stage import wait_until

ROOT: Final = Path(__file__).parents[2]
_ASSIGNED: Final = re.compile(r"partitions assigned partitions=\W?\d")


class Worker:
    """One process."""

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
        self.log = log
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ESN_")}
        with log.open("wb") as out:
            command = [sys.executable, "-m", "agents", "worker"]
            self.process = subprocess.Popen(command, env=clean | dict(env), cwd=ROOT, stdout=out, stderr=out)

    def said(self) -> str:
        """Return its log; raises RuntimeError when the worker has ended by itself."""
        text = self.log.read_text(errors="replace")
        if self.process.poll() not in (None, 0, -signal.SIGTERM, -signal.SIGKILL):
            raise RuntimeError(f"a worker ended: {text[-1500:]}")
        return text

    @property
    def assigned(self) -> bool:
        """Whether it was given partitions."""
        return bool(_ASSIGNED.search(self.said()))


@contextlib.contextmanager
def workers(count: int, env: Mapping[str, str], folder: Path) -> Iterator[list[Worker]]:
    """Start workers and wait until each has its partitions; end them."""
    begun = [Worker(env, folder / f"worker-{number}.log") for number in range(count)]
    try:
        wait_until(lambda: all(worker.assigned for worker in begun), 90, "all workers to be assigned partitions")
        yield begun
    finally:
        end(begun)


def end(begun: list[Worker], seconds: float = 30) -> None:
    """End workers in order; kill what does not end."""
    for worker in begun:
        worker.process.terminate()
    deadline = time.monotonic() + seconds
    for worker in begun:
        try:
            worker.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()
