"""The only door to clickhouse_driver: a sink that writes until it is stored, and a reader for commands.

Rules
- An insert names its columns and goes as columns. Any exception closes the connection and leaves the outcome unknown,
  so the same rows are written again; they are idempotent by key (schemas/rows.py), which makes that harmless.
- Errors come in three kinds. *Unavailable* (network, timeouts, a full, busy or read-only server): tried again for ever,
  with growing pauses. *Wrong schema* (a table or column is missing or has another type): raised, because only a person
  can mend it. Everything that fails on our side of the wire is a *bug*, and raised as it is.
- A refused login is raised until the first write is stored, so that a wrong password is seen at the start; later it
  counts as an outage, for passwords are changed while workers run.
- Server messages quote data, so messages and log lines carry the error's name only.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Self

from clickhouse_driver import Client, client
from clickhouse_driver import errors as driver
from clickhouse_driver.streams import native

from agents.clock import monotonic
from agents.errors import Failed
from agents.settings import ClickHouseAddress, Settings
from agents.storage import columns
from agents.storage.queued import Queue, pauses
from agents.tls import distrust, trusting
from schemas.rows import BATCHES, Batch

log = logging.getLogger(__name__)
logging.getLogger("clickhouse_driver").setLevel(logging.CRITICAL)  # a traceback per attempt; ours is a line per outage

_CODES = driver.ErrorCodes
_LOGIN = {497: "ACCESS_DENIED", 516: "AUTHENTICATION_FAILED"}  # too new for the driver's list
_NAMES = {code: name for name, code in vars(_CODES).items() if isinstance(code, int)} | _LOGIN
_LOGIN_REFUSED = _LOGIN.keys() | {_CODES.UNKNOWN_USER, _CODES.WRONG_PASSWORD, _CODES.REQUIRED_PASSWORD}
_SCHEMA_WRONG = {
    _CODES.UNKNOWN_DATABASE, _CODES.UNKNOWN_TABLE, _CODES.UNKNOWN_IDENTIFIER, _CODES.NO_SUCH_COLUMN_IN_TABLE,
    _CODES.THERE_IS_NO_COLUMN, _CODES.NOT_FOUND_COLUMN_IN_BLOCK, _CODES.TYPE_MISMATCH,
}  # fmt: skip
# What the driver raises when the other end is gone, slow, or no ClickHouse at all.
_NETWORK = (
    OSError, EOFError, driver.NetworkError, driver.SocketTimeoutError, driver.UnexpectedPacketFromServerError,
    driver.UnknownPacketFromServerError, driver.ChecksumDoesntMatchError,
)  # fmt: skip
_INSERT = {
    "async_insert": 0,  # on by default: the answer would come before the rows are stored
    "optimize_on_insert": 0,  # a third of an insert's CPU for what merges do anyway; the views ask for FINAL
    "insert_deduplicate": 0,  # the key does that; a server that drops equal blocks would drop a row that was mended
    "max_partitions_per_insert_block": 0,  # a replay of old records may touch many months at once
}
# The deleted rows say who is forgotten, so no id stands in the mutation's text, which ClickHouse keeps.
_ERASE = """
ALTER TABLE {table} DELETE WHERE (person, version) IN (
    SELECT person, version FROM {table} INNER JOIN (
        SELECT person, max(version) AS forgotten FROM people_rows WHERE is_deleted GROUP BY person
    ) AS deleted USING (person) WHERE version < forgotten)
"""
_NAMING_PEOPLE = ("people_rows", "managers_rows")


# The driver itself takes lists only.
native.write_column, client.column_chunks = columns.writer(otherwise=native.write_column), columns.chunks


class SchemaWrong(Failed):
    """ClickHouse lacks a table or column, or has it with another type; `esn-pulse migrate` mends it."""


class LoginRefused(Failed):
    """ClickHouse does not let this user in, or do this; or its certificate will not do."""


class _Client:
    """A connection that is made when it is needed, and the driver's own thread-blocking calls on it."""

    def __init__(self, address: ClickHouseAddress, ca: str, connect_seconds: float, answer_seconds: float) -> None:
        self._database, self._named = address.database, False
        self._client = Client(
            address.host,
            address.port,
            user=address.user,
            password=address.password,
            database="",
            secure=address.secure,
            client_name="esn-pulse",
            compression="lz4",
            connect_timeout=connect_seconds,
            send_receive_timeout=answer_seconds,
            sync_request_timeout=connect_seconds,
        )
        if address.secure:  # the driver itself would trust certifi's list, and not what the system trusts
            tls = trusting(ca, "ESN_CLICKHOUSE_CA")
            self._client.connection._create_ssl_context = lambda _options: tls

    def execute(self, sql: str, *given: Any, **options: Any) -> Any:
        """Run a statement in the address's database; whatever is raised, the connection is closed."""
        try:
            if self._database and not self._named:
                # Not in the greeting: the embedded server aborts when that names a database that is not there.
                self._client.execute(f"USE {self._database}")
                self._named = True  # the driver repeats it when it connects again
            return self._client.execute(sql, *given, **options)
        except BaseException:
            self.disconnect()
            raise

    def disconnect(self) -> None:
        self._client.disconnect()

    def cut(self) -> None:
        """Let a call that waits in another thread fail now."""
        connection = self._client.connection
        connection.send_receive_timeout = connection.connect_timeout  # should it be connecting just now
        if connection.socket is not None:
            with suppress(OSError):
                socket.socket.shutdown(connection.socket, socket.SHUT_RDWR)  # TLS's own goes on in plain text


class Sink:
    """Writes batches; made and used in one event loop, while the driver works in one thread of its own.

    `up`, `last_error` (a line without data) and `rows_written` (by table) may be read at any time, from any thread.
    `observe(table, rows, seconds)` is called in the event loop for each insert that was stored.
    """

    def __init__(
        self,
        address: ClickHouseAddress,
        *,
        ca: str = "",
        connect_seconds: float = 3.0,
        answer_seconds: float = 120.0,
        pause_seconds: tuple[float, float] = (0.2, 15.0),  # the first, the longest
        observe: Callable[[str, int, float], None] | None = None,
    ) -> None:
        self.up, self.last_error = False, ""
        self.rows_written: dict[str, int] = {}
        self._address, self._pause_seconds = address, pause_seconds
        self._client = _Client(address, ca, connect_seconds, answer_seconds)
        self._observe = observe or (lambda _table, _rows, _seconds: None)
        self._thread = ThreadPoolExecutor(1, "clickhouse")
        self._queue = Queue(self._insert, *pause_seconds)
        self.put = self._queue.put  # `write` for who has something else to do until the rows are stored
        self.hurry = self._queue.hurry
        self._ever_stored, self._outage = False, False  # an outage was told in the log and is not over

    @classmethod
    def of(cls, settings: Settings, observe: Callable[[str, int, float], None] | None = None) -> Self:
        """Return a sink into the database that the settings name."""
        return cls(address_of(settings), ca=settings.clickhouse_ca, observe=observe)

    async def write(self, batch: Batch) -> None:
        """Return when the rows are stored; try for ever while ClickHouse is unavailable.

        What several write at once to a table goes in one insert. May be cancelled: an attempt that has begun then ends
        on its own. The batch's columns must not change before it returns, nor after a cancellation.
        Raises SchemaWrong, LoginRefused (until the first write is stored), or what a bug raises.
        """
        await (await self.put(batch))

    async def check(self) -> bool:
        """Ask once whether every table is there; return False while ClickHouse is unavailable. Raises as `write` does.

        It also brings `up` up to date: call it now and then, for a worker may have nothing to write for hours.
        """
        for rows in BATCHES:
            ask = f"SELECT {', '.join(rows.names())} FROM {rows.TABLE} LIMIT 0"  # noqa: S608  (names from our own code)
            if not await self._once(rows.TABLE, partial(self._client.execute, ask)):
                return False
        return True

    async def erase_forgotten(self) -> None:
        """Have ClickHouse remove, in the background, every row that is older than its person's deleted row.

        The deleted row stays for a week, so that a late writer's old row does not bring the person back. This rewrites
        the tables' parts: call it now and then, not for each person.
        """
        for table in _NAMING_PEOPLE:
            for pause in pauses(*self._pause_seconds):
                if await self._once(table, partial(self._client.execute, _ERASE.format(table=table))):
                    break
                await asyncio.sleep(pause)

    async def close(self) -> None:
        """End the thread and the connection. Cancel writes first; an attempt under way is cut off."""
        self._queue.cancel()
        self._client.cut()
        self._thread.submit(self._client.disconnect)
        await asyncio.to_thread(self._thread.shutdown)

    async def _insert(self, batches: list[Batch]) -> bool:
        """Store batches of one table; return whether ClickHouse was there for it."""
        begun, rows, table = monotonic(), sum(map(len, batches)), batches[0].TABLE
        if not await self._once(table, partial(self._send, batches)):
            return False
        self._ever_stored = True
        self.rows_written[table] = self.rows_written.get(table, 0) + rows
        self._observe(table, rows, monotonic() - begun)
        return True

    def _send(self, batches: list[Batch]) -> None:
        rows = type(batches[0]).joined(batches)
        insert = f"INSERT INTO {rows.TABLE} ({', '.join(rows.names())}) VALUES"
        self._client.execute(insert, rows.columns(), columnar=True, settings=_INSERT)

    async def _once(self, table: str, work: Callable[[], object]) -> bool:
        """Do the work in the thread; return whether ClickHouse was there for it."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (driver.ServerException, *_NETWORK) as error:
            self._failed(error, table)
            return False
        self._succeeded()
        return True

    def _failed(self, error: Exception, table: str) -> None:
        """Note an outage, or raise what a person has to mend."""
        self.up, self.last_error = False, reason(error)
        wrong = _for_a_person(error, self._address, table)
        if isinstance(wrong, SchemaWrong) or (isinstance(wrong, LoginRefused) and not self._ever_stored):
            raise wrong from error
        if not self._outage:
            self._outage = True
            log.warning("ClickHouse stores nothing (%s): trying again until it does", self.last_error)

    def _succeeded(self) -> None:
        if self._outage:
            log.info("ClickHouse stores again")
        self.up, self._outage, self.last_error = True, False, ""


class Reader(AbstractContextManager["Reader"]):
    """Asks ClickHouse, synchronously, for commands; every error is one line for a person. Use it with `with`."""

    def __init__(self, address: ClickHouseAddress, *, ca: str = "", answer_seconds: float = 120.0) -> None:
        self._address = address
        self._client = _Client(address, ca, 5.0, answer_seconds)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return a reader of the database that the settings name."""
        return cls(address_of(settings), ca=settings.clickhouse_ca)

    def query(self, sql: str, params: Mapping[str, object] | None = None) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Return the columns' names and the rows; `%(name)s` in `sql` stands for a parameter.

        A statement without an answer returns two empty lists. Raises Failed: unreachable, refused, or wrong schema.
        """
        try:
            rows, columns = self._client.execute(sql, dict(params) if params else None, with_column_types=True)
        except (driver.ServerException, *_NETWORK) as error:
            raise _for_a_person(error, self._address) from error
        return [name for name, _type in columns], rows

    def close(self) -> None:
        """End the connection; a later query opens a new one."""
        self._client.disconnect()

    def __exit__(self, *_: object) -> None:
        self.close()


def address_of(settings: Settings) -> ClickHouseAddress:
    """Return ClickHouse's address with the database's full name, the prefix included."""
    return replace(settings.clickhouse, database=settings.database)


def reason(error: Exception) -> str:
    """Return why it failed, in a few words and without data."""
    if isinstance(error, driver.ServerException):
        return f"{_NAMES.get(error.code, 'error')}, code {error.code}"
    if isinstance(error, driver.SocketTimeoutError | TimeoutError):
        return "no answer in time"
    if isinstance(error, EOFError):
        return "connection closed"
    said = error.strerror if isinstance(error, OSError) else getattr(error, "message", "")
    return " ".join(str(said or type(error).__name__).split())


def _for_a_person(error: Exception, address: ClickHouseAddress, table: str = "") -> Failed:
    """Say what is wrong and what to do; `table` is the one that was written to."""
    where, why = f"{address.host}:{address.port}", reason(error)
    code = error.code if isinstance(error, driver.ServerException) else None
    untrusted = "" if code else distrust(f"ClickHouse at {where}", why, "ESN_CLICKHOUSE")
    if code == _CODES.UNKNOWN_DATABASE:
        return SchemaWrong(f"ClickHouse has no database {address.database}: run `esn-pulse migrate`")
    if code == _CODES.UNKNOWN_TABLE and table:
        return SchemaWrong(f"ClickHouse has no table {address.database}.{table}: run `esn-pulse migrate`")
    if code in _SCHEMA_WRONG:
        what = f"table {address.database}.{table}" if table else f"database {address.database}"
        return SchemaWrong(f"ClickHouse's {what} is out of date ({why}): run `esn-pulse migrate`")
    if code in _LOGIN_REFUSED or untrusted:
        refused = f"ClickHouse at {where} refuses user {address.user} ({why}): set ESN_CLICKHOUSE"
        return LoginRefused(untrusted or refused)
    if code is not None:
        return Failed(f"ClickHouse at {where} refused ({why}): see its log")
    return Failed(f"no ClickHouse at {where} ({why}): start one with `esn-pulse local up`, or set ESN_CLICKHOUSE")
