"""What one data directory remembers between two calls: its ports, and the processes that were started.

A process is its pid and its start time, so that a number that went to somebody else is never taken for ours.
The file is replaced as a whole: a reader sees the old state or the new one.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from deploy.local.trouble import Trouble


@dataclass(frozen=True)
class Started:
    """A process that we started; `created` as psutil tells it, in seconds."""

    pid: int
    created: float


@dataclass
class State:
    """The contents of `stack.json`."""

    file: Path
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, Started] = field(default_factory=dict)

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read the file; without one nothing is remembered."""
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            processes = {name: Started(**process) for name, process in found["processes"].items()}
            return cls(file, dict(found["ports"]), processes)
        except FileNotFoundError:
            return cls(file)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Trouble(f"{file} cannot be read ({error}): remove it if nothing runs") from error

    def save(self) -> None:
        """Replace the file."""
        processes = {name: asdict(process) for name, process in self.processes.items()}
        text = json.dumps({"ports": self.ports, "processes": processes}, indent=1)
        draft = self.file.with_suffix(".new")
        with draft.open("w", encoding="utf-8") as out:
            out.write(text + "\n")
            out.flush()
            os.fsync(out.fileno())
        draft.replace(self.file)
