"""Sends a company's record in pieces, in a thread of its own, while other things happen.

Rules: only sends. `paced` lets it send as much as one wants, so that a disturbance finds something to disturb.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.record import Piece
from tests.chaos.site import Site


class Sender(threading.Thread):
    """Sends everything, a piece every `every` seconds; `failure` says why it ended early."""

    def __init__(self, site: Site, every: float) -> None:
        super().__init__(daemon=True)
        self.every = every
        self.sent = 0
        self.failure: BaseException | None = None
        self._site = site
        self._ended = threading.Event()

    def run(self) -> None:
        try:
            self._site.send_people()
            pieces = deque(self._site.record.pieces)
            while pieces and not self._ended.is_set():
                piece = pieces.popleft()
                together, lines = 1, list(piece.lines)
                while pieces and not pieces[0].calm and self._hurries(self.sent + together):
                    together, lines = together + 1, lines + pieces.popleft().lines
                self._site.send(Piece(lines, piece.calm))
                self.sent += together
                if not self._hurries(self.sent):
                    time.sleep(self.every)
            if pieces:
                return
            self._site.finish()
        except BaseException as failure:
            self.failure = failure

    def _hurries(self, sent: int) -> bool:
        """Say whether nothing is to be disturbed after so many pieces: then as many as possible go at once."""
        return not self.every or sent < self._site.record.hurried

    def progress(self) -> str:
        """Say how far it is."""
        return f"{self.sent} of {len(self._site.record.pieces)} pieces sent"

    def wait_until_it_matters(self, seconds: float = 300) -> None:
        """Wait until the pieces were sent that only lead up to what is of interest."""
        deadline = time.monotonic() + seconds
        while self.sent < self._site.record.hurried:
            self.check()
            assert time.monotonic() < deadline, f"{self.progress()}; {self._site.told()}"
            time.sleep(0.05)

    def check(self) -> None:
        """Fail if sending failed."""
        if self.failure is not None:
            raise self.failure

    def finish(self, seconds: float = 300) -> None:
        """Send the rest without pauses and wait for it."""
        self.every = 0.0
        self.join(seconds)
        self.check()
        assert not self.is_alive(), f"sending did not end: {self.progress()}; {self._site.told()}"

    def end(self) -> None:
        """End at once."""
        self._ended.set()


@contextmanager
def sending(site: Site, every: float) -> Iterator[Sender]:
    """Send a site's record while the block runs; the rest of it is for the block to wait for."""
    sender = Sender(site, every)
    sender.start()
    try:
        yield sender
    finally:
        sender.end()
