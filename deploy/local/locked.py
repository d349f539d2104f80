"""One process at a time in a directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.progress import Progress
from deploy.local.trouble import Trouble


@contextmanager
def locked(file: Path, progress: Progress) -> Iterator[None]:
    """Hold the lock file; the system lets go of it when we end, however we end."""
    try:
        import fcntl  # noqa: PLC0415  (Windows has none)
    except ImportError as error:
        raise Trouble("the embedded stack does not run on this system: use deploy/compose.yaml") from error

    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.line(f"waiting for another esn-pulse to finish with {file.parent}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
