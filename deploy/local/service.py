"""One server of the stack: what Kafka and ClickHouse have in common from start to end.

`start`, `stop` and `kill` act on this one server only; tests of failures use them. They take no lock: two
processes go through `Stack.up` and `Stack.down`.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from deploy.local import ports, process
from deploy.local.progress import Progress
from deploy.local.state import State
from deploy.local.trouble import Trouble

_START_SECONDS = 90  # a small machine that swaps; ordinarily it takes three
_STOP_SECONDS = 30
_LOOK_SECONDS = 0.05


class Service(ABC):
    """A server that runs in a process of its own on loopback."""

    name: ClassVar[str]
    title: ClassVar[str]
    port_names: ClassVar[tuple[str, ...]]

    def __init__(self, home: Path, cache: Path, fixed_ports: Mapping[str, int], progress: Progress) -> None:
        self.data = home / self.name
        self.logs = home / "logs"
        self._state_file = home / "stack.json"
        self._cache = cache
        self._fixed_ports = fixed_ports
        self._progress = progress

    @property
    def log(self) -> Path:
        """Where the server writes what concerns it."""
        return self.logs / f"{self.name}.log"

    @property
    def output(self) -> Path:
        """Where everything goes that the process prints."""
        return self.logs / f"{self.name}.out"

    @abstractmethod
    def fetch(self) -> None:
        """Bring what is needed into the cache."""

    @abstractmethod
    def configure(self) -> list[str]:
        """Write the configuration and return the command; the ports are settled."""

    @abstractmethod
    def answers(self) -> bool:
        """Tell whether the server serves clients now."""

    def environ(self) -> dict[str, str]:
        """Return variables that the process gets besides ours."""
        return {}

    def port(self, name: str) -> int:
        """Return a settled port; 0 before the first start."""
        return self._state().ports.get(name, 0)

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        started = self._state().processes.get(self.name)
        return started.pid if started and process.living(started) else None

    @property
    def crashed(self) -> bool:
        """Whether it was started, was not stopped, and is gone."""
        return self.name in self._state().processes and self.pid is None

    def start(self) -> None:
        """Start and return when it answers; does nothing if it runs."""
        if self.pid is None:
            self.fetch()
            self.launch()
        self.wait_until_it_answers()

    def launch(self) -> None:
        """Start the process, without waiting for it."""
        for folder in (self.data, self.logs):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._settle_ports()
        started = process.start(self.configure(), self.output, self.data, self.environ())
        state = self._state()
        state.processes[self.name] = started
        state.save()

    def wait_until_it_answers(self) -> None:
        """Return when it answers; raise Trouble when it ended or takes too long."""
        for _ in range(int(_START_SECONDS / _LOOK_SECONDS)):
            if self.answers():
                return
            if self.pid is None:
                raise Trouble(f"{self.title} ended while it started ({self._last_words()}): see {self.output}")
            time.sleep(_LOOK_SECONDS)
        raise Trouble(f"{self.title} runs but does not answer: see {self.log}, then `esn-pulse local down`")

    def ask_to_end(self) -> bool:
        """Ask it to end, without waiting; tell whether it ran."""
        started = self._state().processes.get(self.name)
        return process.ask_to_end(started) if started else False

    def stop(self) -> None:
        """End it cleanly, by force if it does not listen; it is forgotten then."""
        self.ask_to_end()
        state = self._state()
        if started := state.processes.pop(self.name, None):
            process.wait_for_end(started, _STOP_SECONDS)
            state.save()

    def kill(self) -> None:
        """End it as a crash does: SIGKILL, and nobody forgets that it should run."""
        if started := self._state().processes.get(self.name):
            process.kill(started)

    def _state(self) -> State:
        return State.load(self._state_file)

    def _settle_ports(self) -> None:
        """Keep the ports of the last start; another one where somebody else has taken one."""
        state = self._state()
        for name in self.port_names:
            fixed, known = self._fixed_ports.get(name), state.ports.get(name)
            if fixed and not ports.free(fixed):
                raise Trouble(f"port {fixed} is in use, and {self.title} was told to take it: free it")
            if known and not fixed and not ports.free(known):
                self._progress.line(f"{self.title}: port {known} is in use by somebody else, taking another")
                known = None
            state.ports[name] = fixed or known or ports.choose(but=set(state.ports.values()))
        state.save()

    def _last_words(self) -> str:
        return last_words(self.output.read_text(encoding="utf-8", errors="replace"))


def last_words(output: str) -> str:
    """Pick the line of a failed program's output that says most: the innermost exception, else the last one."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("at ", "... ", "WARNING"))]
    causes = [line for line in said if line.startswith("Caused by")] or [line for line in said if "Exception" in line]
    return (causes or said or ["without a word"])[-1][:300]
