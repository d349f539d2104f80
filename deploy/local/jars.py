"""Kafka's jars: jgo fetches them from Maven Central, `jars.txt` says which and what they must hash to.

jgo is used artifact by artifact: it keeps nothing in ~/.m2 or its own cache, needs no resolving, and is quiet.
`jars.txt` is Kafka's resolved runtime plus the logging backend that the distribution adds.
"""

import hashlib
import logging
import os
import shutil
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.locked import locked
from deploy.local.progress import Progress
from deploy.local.trouble import Trouble

PINNED = Path(__file__).with_name("jars.txt")
MAVEN_CENTRAL = "https://repo.maven.apache.org/maven2"
_FOLDER = "kafka-4.3.1"


@dataclass(frozen=True)
class Jar:
    """One line of `jars.txt`."""

    sha256: str
    group: str
    artifact: str
    version: str

    @property
    def file(self) -> str:
        """Its name in the cache."""
        return f"{self.artifact}-{self.version}.jar"


def pinned(text: str | None = None) -> list[Jar]:
    """Read `jars.txt`, or other lines like its."""
    lines = (PINNED.read_text(encoding="utf-8") if text is None else text).splitlines()
    return [Jar(sha256, *coordinates.split(":")) for sha256, coordinates in map(str.split, lines)]


def intact(jar: Jar, folder: Path) -> bool:
    """Tell whether the jar is there and is what it should be."""
    try:
        return hashlib.sha256((folder / jar.file).read_bytes()).hexdigest() == jar.sha256
    except FileNotFoundError:
        return False


def fetch_jars(
    cache: Path, progress: Progress, jars: list[Jar] | None = None, repository: str = MAVEN_CENTRAL
) -> list[Path]:
    """Return the jars' files, after checking each; what is missing or damaged is fetched."""
    jars = pinned() if jars is None else jars
    folder = cache / _FOLDER
    if not all(intact(jar, folder) for jar in jars):
        with locked(cache / "lock", progress):
            _fetch_missing(jars, folder, repository, progress)
    return [folder / jar.file for jar in jars]


def _fetch_missing(jars: list[Jar], folder: Path, repository: str, progress: Progress) -> None:
    missing = [jar for jar in jars if not intact(jar, folder)]
    folder.mkdir(parents=True, exist_ok=True)
    drafts = folder / "partial"
    shutil.rmtree(drafts, ignore_errors=True)
    with _trusting_the_system(), progress.bar("fetching Apache Kafka 4.3.1", len(missing)) as advance:
        for jar in missing:
            draft = _draft(jar, drafts, repository)
            if hashlib.sha256(draft.read_bytes()).hexdigest() != jar.sha256:
                shutil.rmtree(drafts, ignore_errors=True)
                raise Trouble(f"{jar.file} is not what it should be (its hash differs): do not use it, report it")
            draft.replace(folder / jar.file)
            advance(1)
    shutil.rmtree(drafts, ignore_errors=True)


def _draft(jar: Jar, drafts: Path, repository: str) -> Path:
    logging.getLogger("jgo").addHandler(logging.NullHandler())
    from jgo.maven import MavenContext  # noqa: PLC0415  (slow to import, and needed once in a machine's life)

    maven = MavenContext(repo_cache=drafts, remote_repos={"maven": repository}, timeout=60)
    try:
        component = maven.project(jar.group, jar.artifact).at_version(jar.version)
        return Path(component.artifact().resolve())
    except Exception as error:  # whatever jgo and requests raise, the person's question is the same
        raise Trouble(f"{jar.file} cannot be fetched from {repository} ({error}): check network and proxy") from error


@contextmanager
def _trusting_the_system() -> Iterator[None]:
    """Let requests trust whom the system trusts, as urllib does; companies with a proxy add their own there."""
    system = ssl.get_default_verify_paths().cafile
    if "REQUESTS_CA_BUNDLE" in os.environ or "CURL_CA_BUNDLE" in os.environ or not system:
        yield
        return
    os.environ["REQUESTS_CA_BUNDLE"] = system
    try:
        yield
    finally:
        del os.environ["REQUESTS_CA_BUNDLE"]
