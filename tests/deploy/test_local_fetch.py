"""Downloads: only what hashes to what was pinned gets its final name. The servers are real, on loopback."""

import base64
import functools
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.local.fetch import CHDB, Archive, fetch
from deploy.local.jars import Jar, fetch_jars, pinned
from deploy.local.progress import Progress
from deploy.local.trouble import Trouble


class _Silent(SimpleHTTPRequestHandler):
    """Serves files; for `cut-off.tgz` it promises more than it sends."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def send_header(self, keyword: str, value: str) -> None:
        promised = keyword == "Content-Length" and self.path == "/cut-off.tgz"
        super().send_header(keyword, str(int(value) + 1000) if promised else value)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Silent, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def seen() -> io.StringIO:
    return io.StringIO()


def tarball(file: Path, member: str, content: bytes) -> str:
    """Write a tarball and return its hash as npm writes it."""
    with tarfile.open(file, "w:gz") as out:
        for name, data in (("package/readme", b"not this"), (member, content)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return "sha512-" + base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()


@pytest.fixture
def archive(served: tuple[Path, str]) -> Archive:
    folder, url = served
    integrity = tarball(folder / "lib.tgz", "package/lib.so", b"a library" * 1000)
    return Archive("A library", f"{url}/lib.tgz", integrity, "package/lib.so", "lib-1")


def left_in(cache: Path) -> set[str]:
    return {str(file.relative_to(cache)) for file in cache.rglob("*") if file.is_file()}


def test_only_the_wanted_member_is_kept(archive: Archive, tmp_path: Path, seen: io.StringIO) -> None:
    kept = fetch(archive, tmp_path / "cache", Progress(seen))

    assert kept.read_bytes() == b"a library" * 1000
    assert left_in(tmp_path / "cache") == {"lib-1/lib.so", "lock"}
    assert "fetching A library: 100 %" in seen.getvalue()


def test_what_is_cached_is_not_fetched_again(
    archive: Archive, served: tuple[Path, str], tmp_path: Path, seen: io.StringIO
) -> None:
    kept = fetch(archive, tmp_path / "cache", Progress(seen))
    (served[0] / "lib.tgz").unlink()

    assert fetch(archive, tmp_path / "cache", Progress(seen)) == kept


def test_a_corrupted_tarball_is_refused_before_unpacking(
    archive: Archive, served: tuple[Path, str], tmp_path: Path, seen: io.StringIO
) -> None:
    tarball(served[0] / "lib.tgz", "package/lib.so", b"something else")

    with pytest.raises(Trouble, match="its hash differs"):
        fetch(archive, tmp_path / "cache", Progress(seen))
    assert left_in(tmp_path / "cache") == {"lock"}


def test_a_fetch_that_is_cut_off_leaves_nothing_behind(
    archive: Archive, served: tuple[Path, str], tmp_path: Path, seen: io.StringIO
) -> None:
    folder, url = served
    (folder / "cut-off.tgz").write_bytes((folder / "lib.tgz").read_bytes())

    with pytest.raises(Trouble, match="connection was closed after"):
        fetch(replace(archive, url=f"{url}/cut-off.tgz"), tmp_path / "cache", Progress(seen))
    assert left_in(tmp_path / "cache") == {"lock"}
    assert seen.getvalue().count("trying again") == 2


def test_leftovers_of_a_killed_fetch_are_no_obstacle(archive: Archive, tmp_path: Path, seen: io.StringIO) -> None:
    folder = tmp_path / "cache" / "lib-1"
    folder.mkdir(parents=True)
    (folder / "lib.new").write_bytes(b"half a libr")
    (folder / "lib.tgz").write_bytes(b"half a tarb")

    assert fetch(archive, tmp_path / "cache", Progress(seen)).read_bytes() == b"a library" * 1000
    assert left_in(tmp_path / "cache") == {"lib-1/lib.so", "lock"}


def test_an_address_that_does_not_exist_is_named(
    archive: Archive, served: tuple[Path, str], tmp_path: Path, seen: io.StringIO
) -> None:
    gone = replace(archive, url=f"{served[1]}/gone.tgz")

    with pytest.raises(Trouble, match=r"gone\.tgz cannot be fetched \(File not found\)"):
        fetch(gone, tmp_path / "cache", Progress(seen))


def test_a_tarball_without_the_member_is_told(archive: Archive, tmp_path: Path, seen: io.StringIO) -> None:
    with pytest.raises(Trouble, match=r"holds no package/other\.so"):
        fetch(replace(archive, member="package/other.so"), tmp_path / "cache", Progress(seen))


def test_clickhouse_is_pinned_to_one_version_by_hash() -> None:
    digest = base64.b64decode(CHDB.integrity.removeprefix("sha512-"), validate=True)

    assert len(digest) == 64
    assert CHDB.url.startswith("https://registry.npmjs.org/")
    assert CHDB.folder.removeprefix("chdb-") in CHDB.url


def test_every_jar_is_pinned_by_hash_and_has_a_file_of_its_own() -> None:
    jars = pinned()

    assert len({jar.file for jar in jars}) == len(jars) == 46
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in jars)
    assert "kafka_2.13-4.3.1.jar" in {jar.file for jar in jars}
    assert {jar.version for jar in jars if jar.group == "org.apache.kafka"} == {"4.3.1"}


@pytest.fixture
def jar(served: tuple[Path, str]) -> Jar:
    """A jar in a Maven repository of our own."""
    file = served[0] / "org/example/tool/1.0/tool-1.0.jar"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"a jar")
    return Jar(hashlib.sha256(b"a jar").hexdigest(), "org.example", "tool", "1.0")


def test_jars_come_by_jgo_and_stay(
    jar: Jar, served: tuple[Path, str], tmp_path: Path, seen: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    files = fetch_jars(tmp_path / "cache", Progress(seen), [jar], served[1])
    again = fetch_jars(tmp_path / "cache", Progress(seen), [jar], "http://127.0.0.1:1")

    assert files == again
    assert files[0].read_bytes() == b"a jar"
    assert left_in(tmp_path / "cache") == {"kafka-4.3.1/tool-1.0.jar", "lock"}
    assert capfd.readouterr() == ("", "")


def test_a_jar_that_was_damaged_in_the_cache_is_fetched_again(
    jar: Jar, served: tuple[Path, str], tmp_path: Path, seen: io.StringIO
) -> None:
    (file,) = fetch_jars(tmp_path / "cache", Progress(seen), [jar], served[1])
    file.write_bytes(b"a jxr")

    fetch_jars(tmp_path / "cache", Progress(seen), [jar], served[1])
    assert file.read_bytes() == b"a jar"


def test_a_jar_that_is_another_is_refused(
    jar: Jar, served: tuple[Path, str], tmp_path: Path, seen: io.StringIO
) -> None:
    (served[0] / "org/example/tool/1.0/tool-1.0.jar").write_bytes(b"a trojan")

    with pytest.raises(Trouble, match=r"tool-1\.0\.jar is not what it should be"):
        fetch_jars(tmp_path / "cache", Progress(seen), [jar], served[1])
    assert left_in(tmp_path / "cache") == {"lock"}


def test_a_repository_out_of_reach_is_named(jar: Jar, tmp_path: Path, seen: io.StringIO) -> None:
    with pytest.raises(Trouble, match=r"cannot be fetched from http://127\.0\.0\.1:1 "):
        fetch_jars(tmp_path / "cache", Progress(seen), [jar], "http://127.0.0.1:1")
