"""Fetching one file out of one archive: streamed, checked against its hash, then unpacked and moved into place.

Nothing that was not checked is ever found under its final name, and a fetch that was cut off leaves nothing
that a later one would trip over.
"""

import base64
import contextlib
import hashlib
import http.client
import os
import shutil
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.local.locked import locked
from deploy.local.progress import Progress
from deploy.local.trouble import Trouble

_CHUNK_BYTES = 1 << 20
_ATTEMPTS = 3


@dataclass(frozen=True)
class Archive:
    """A tarball, its hash (as npm writes it: sha512-BASE64), the member that is wanted, and what to call it."""

    title: str
    url: str
    integrity: str
    member: str
    folder: str


CHDB = Archive(
    title="ClickHouse 26.7 (libchdb)",
    url="https://registry.npmjs.org/@chdb/lib-linux-x64-gnu/-/lib-linux-x64-gnu-26.7.3-stable.1.tgz",
    integrity="sha512-XP97mMqnc5tZpKQywR8N7cLTsHNiTmHr30pC5mzo3jWmukjKn2IBa60c2B/gWUNcuFjOMjWoorQICCqBVj5wpw==",
    member="package/libchdb.so",
    folder="chdb-26.7.3-stable.1",
)


def fetch(archive: Archive, cache: Path, progress: Progress) -> Path:
    """Return the wanted member, from the cache if it is there."""
    kept = cache / archive.folder / Path(archive.member).name
    if kept.exists():
        return kept
    with locked(cache / "lock", progress), _readable_errors(archive):
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            with _partial(kept.with_suffix(".tgz")) as tarball, _partial(kept.with_suffix(".new")) as draft:
                _download(archive, tarball, progress)
                _unpack(archive, tarball, draft)
                draft.replace(kept)
    return kept


@contextlib.contextmanager
def _partial(file: Path) -> Iterator[Path]:
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


@contextlib.contextmanager
def _readable_errors(archive: Archive) -> Iterator[None]:
    try:
        yield
    except urllib.error.URLError as error:
        raise Trouble(f"{archive.url} cannot be fetched ({error.reason}): check network and proxy") from error
    except (OSError, http.client.HTTPException) as error:
        raise Trouble(f"{archive.title} cannot be fetched ({error}): check network and disk") from error


def _download(archive: Archive, to: Path, progress: Progress) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            found = _stream(archive, to, progress)
        except (OSError, http.client.HTTPException) as error:
            if attempt == _ATTEMPTS or isinstance(error, urllib.error.HTTPError):
                raise
            progress.line(f"{archive.title}: {error}; trying again")
            continue
        if found != archive.integrity:
            raise Trouble(f"{archive.url} is not what it should be (its hash differs): do not use it, report it")
        return


def _stream(archive: Archive, to: Path, progress: Progress) -> str:
    """Write the archive to a file and return its hash."""
    digest = hashlib.sha512()
    with urllib.request.urlopen(archive.url, timeout=60) as answer, to.open("wb") as out:  # noqa: S310  (pinned)
        total = int(answer.headers.get("Content-Length") or 0)
        with progress.bar(f"fetching {archive.title}", total, in_bytes=True) as advance:
            read = 0
            while chunk := answer.read(_CHUNK_BYTES):
                out.write(chunk)
                digest.update(chunk)
                advance(len(chunk))
                read += len(chunk)
    if read < total:
        raise OSError(f"the connection was closed after {read} of {total} bytes")
    return "sha512-" + base64.b64encode(digest.digest()).decode()


def _unpack(archive: Archive, tarball: Path, to: Path) -> None:
    with tarfile.open(tarball, "r:gz") as packed, to.open("wb") as out:
        for member in packed:
            if member.name == archive.member and (source := packed.extractfile(member)):
                shutil.copyfileobj(source, out, _CHUNK_BYTES)
                out.flush()
                os.fsync(out.fileno())
                return
    raise Trouble(f"{archive.url} holds no {archive.member}: report it")
