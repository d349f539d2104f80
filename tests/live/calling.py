"""Commands as users call them: a process of their own, with nothing in the environment but what is given."""

import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

WORDS = [sys.executable, "-m", "agents"]
NO_KAFKA = "esn-pulse: no Kafka at 127.0.0.1:1: start one with `esn-pulse local up`, or set ESN_KAFKA"


@dataclass(frozen=True)
class Called:
    """What a command left."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Caller:
    """A person with settings."""

    env: Mapping[str, str]

    def __call__(self, *words: str, stdin: bytes = b"", **env: str) -> Called:
        done = subprocess.run(
            [*WORDS, *words], env=self.environ(env), input=stdin, capture_output=True, check=False, timeout=120
        )
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return Called(done.returncode, done.stdout.decode(), done.stderr.decode())

    def line(self, *words: str, stdin: bytes = b"", **env: str) -> tuple[int, str]:
        """Call what fails: the exit code and the one line that says why."""
        called = self(*words, stdin=stdin, **env)
        assert called.out == ""
        assert called.err.count("\n") == 1, called.err
        return called.code, called.err.rstrip("\n")

    def in_terminal(self, *words: str, **env: str) -> str:
        """Call it in a terminal, and return what is on the screen."""
        ours, theirs = pty.openpty()
        environ = self.environ(env) | {"TERM": "xterm-256color", "COLUMNS": "160"}
        with subprocess.Popen([*WORDS, *words], env=environ, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            seen = b""
            while part := _read(ours):
                seen += part
            os.close(ours)
            assert process.wait(60) in (0, 1)
        return seen.decode()

    def environ(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a call."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ESN_")}
        return clean | dict(self.env) | dict(env)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # as Linux tells that the other end was closed
        return b""
