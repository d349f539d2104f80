"""The contestants' own environments: made once with pinned versions, kept in the cache, never the product's.

pip takes them from whatever index it is configured for.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

PINS: Final = {
    "aiokafka": ("aiokafka==0.14.0", "cramjam==2.14.0", "uvloop==0.23.0", "msgspec==0.22.0", "orjson==3.13.0"),
    "faust": ("faust-streaming==0.15.3", "aiokafka==0.14.0", "cramjam==2.14.0"),
    "quixstreams": ("quixstreams==3.28.1",),
    "bytewax": ("bytewax[kafka]==0.21.1", "orjson==3.13.0"),
}


class NotInstalled(Exception):  # noqa: N818  (it is an outcome: the contestant does not run here)
    """pip could not make this environment; the message says why."""


def python_of(name: str, cache: Path) -> Path:
    """Return the interpreter of a contestant's environment; make it first if need be. Raises NotInstalled."""
    pins = PINS[name]
    mark = hashlib.sha256(repr((pins, sys.version_info[:3])).encode()).hexdigest()[:10]
    folder = cache / "bench" / f"{name}-{mark}"
    python = folder / "bin" / "python"
    if (folder / ".whole").exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    made = subprocess.run([*pip, *pins], capture_output=True, text=True, check=False)
    if made.returncode:
        raise NotInstalled((made.stderr.strip().splitlines() or ["pip failed"])[-1][:200])
    (folder / ".whole").touch()
    return python
