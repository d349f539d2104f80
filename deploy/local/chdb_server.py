"""The processes of the embedded ClickHouse: one that serves, and one that starts it again when it dies.

Run by its path, with nothing but the standard library: chdb_server.py LIBRARY CONFIG HTTP_PORT. The library
serves as long as one query runs, so one runs for ever: over `system.numbers`, as `numbers(n)` would keep n
numbers planned. SIGTERM ends that query, after which the library closes its tables and returns.

libchdb 26.7 aborts as a whole when a thread of its native protocol meets an exception, and a connection that is reset
at the wrong moment is enough. Nothing that was stored is lost, so the keeper starts it again. The server dies with its
keeper, even when that is killed.
"""

import ctypes
import http.client
import os
import signal
import subprocess
import sys
import threading
import time

_KEEP_ALIVE = "esn-keep-alive"
_QUERY = (
    "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; SELECT sleepEachRow(1) FROM system.numbers FORMAT Null"
    " SETTINGS max_block_size=1, function_sleep_max_microseconds_per_block=0, max_execution_time=0"
)
_END = {signal.SIGTERM, signal.SIGINT}
_CLOSING_SECONDS = 25
_SERVE = "--serve"
_PR_SET_PDEATHSIG = 1
_OFTEN, _OFTEN_SECONDS = 20, 60.0


def serve(library: str, config: str) -> str:
    """Serve until the query ends; return why it did."""
    chdb = ctypes.CDLL(library)
    chdb.chdb_query_cmdline.restype = ctypes.c_void_p
    chdb.chdb_result_error.argtypes = [ctypes.c_void_p]
    chdb.chdb_result_error.restype = ctypes.c_char_p
    words = [
        "clickhouse",
        f"--config-file={config}",
        "--log-level=warning",
        "--multiquery",
        f"--query_id={_KEEP_ALIVE}",
        f"--query={_QUERY}",
    ]
    arguments = (ctypes.c_char_p * len(words))(*[word.encode() for word in words])
    result = chdb.chdb_query_cmdline(len(words), arguments)
    return (chdb.chdb_result_error(result) or b"").decode(errors="replace") if result else ""


def end_the_query(port: int) -> None:
    """Ask the server to end the query that keeps it alive."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/", f"KILL QUERY WHERE query_id = '{_KEEP_ALIVE}' ASYNC")
    connection.getresponse().read()


def keep(library: str, config: str, http_port: str) -> int:
    """Start the server again whenever it dies of a signal, until told to end; return the exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _END | {signal.SIGCHLD})
    deaths: list[float] = []
    while True:
        command = [sys.executable, "-I", __file__, _SERVE, library, config, http_port]
        server = subprocess.Popen(command, preexec_fn=_die_with_parent)  # noqa: PLW1509,S603  (no threads here)
        while server.poll() is None:
            if signal.sigwait(_END | {signal.SIGCHLD}) in _END:
                server.terminate()
                return server.wait()
        if server.returncode >= 0:
            return server.returncode
        now = time.monotonic()  # noqa: TID251  (this script stands alone)
        deaths = [died for died in deaths if died > now - _OFTEN_SECONDS] + [now]
        sys.stderr.write(f"ClickHouse died of signal {-server.returncode}: starting it again\n")
        sys.stderr.flush()
        if len(deaths) > _OFTEN:
            return 1
        time.sleep(0.2)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(library: str, config: str, http_port: str) -> int:
    """Serve until told to end; return the exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _END)  # the library's threads inherit it, so we get the signal
    told: list[str] = []

    def run() -> None:
        told.append(serve(library, config))
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

    serving = threading.Thread(target=run, daemon=True)
    serving.start()
    signal.sigwait(_END)
    if told:
        sys.stderr.write(f"ClickHouse ended by itself: {told[0]}\n")
        return 1
    try:
        end_the_query(int(http_port))
    except (OSError, http.client.HTTPException) as error:
        sys.stderr.write(f"ClickHouse could not be asked to end ({error}): its data are safe, as after a crash\n")
        return 1
    serving.join(_CLOSING_SECONDS)
    return 0


if __name__ == "__main__":
    code = main(*sys.argv[2:]) if sys.argv[1] == _SERVE else keep(*sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)  # the library may still hold threads; what is to be stored, is
