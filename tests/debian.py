"""Programs of Debian packages: the ones on PATH, or the package unpacked in the user's cache; nothing is installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from agents.settings import Settings
from deploy.local.locked import locked
from deploy.local.progress import Progress


class MissingError(Exception):
    """The package is not there and cannot be had; says what to do."""


def find(package: str, *names: str) -> list[str]:
    """Return where the package's programs are. Raises MissingError."""
    path = os.environ["PATH"]
    if not all(map(shutil.which, names)):
        path = str(_unpacked(package, names[0]))
    found = [one for one in (shutil.which(name, path=path) for name in names) if one]
    if len(found) < len(names):
        told = " and no ".join(names)
        raise MissingError(f"there is no {told} on PATH and no way to fetch it: run `apt-get install {package}`")
    return found


def programs(package: str, *names: str) -> list[str]:
    """Return where the package's programs are. Where they cannot be had the test is skipped; with CI=true it fails."""
    try:
        return find(package, *names)
    except MissingError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def _unpacked(package: str, name: str) -> Path:
    """Return the folder of the programs, fetched once for all test runs."""
    wanted = ("HOME", "XDG_CACHE_HOME", "ESN_CACHE")
    cache = Settings.from_env({one: os.environ[one] for one in wanted if one in os.environ}).cache / "debian"
    cache.mkdir(parents=True, exist_ok=True)
    binaries = cache / package / "usr" / "bin"
    with locked(cache / "lock", Progress()):
        if not (binaries / name).exists():
            _fetch(package, cache)
    return binaries


def _fetch(package: str, cache: Path) -> None:
    """Download with apt-get, after an update if that is needed and allowed, and unpack."""
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    for before in ([], [*as_root, "apt-get", "update", "-qq"]):
        try:
            if before:
                subprocess.run(before, check=True, capture_output=True, timeout=120)
            download = ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package]
            subprocess.run(download, cwd=cache, check=True, capture_output=True, timeout=200)
            (file,) = cache.glob(f"{package}_*.deb")
            subprocess.run(["dpkg-deb", "-x", file, cache / package], check=True, capture_output=True, timeout=60)
            file.unlink()
        except (OSError, ValueError, subprocess.SubprocessError):
            continue
        return
