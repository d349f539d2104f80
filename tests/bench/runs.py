"""What one run of a contestant gives."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """From the start of reading until the end; the process's own start is left out."""

    events: int
    seconds: float
    cpu_seconds: float
    """Of all processes of the contestant, ClickHouse included where it takes part."""
    database_seconds: float
    """ClickHouse's part of them."""
    peak_bytes: int
    """Without ClickHouse, where it is not the contestant itself."""

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def cpu_per_million(self) -> float:
        """CPU seconds for a million events."""
        return self.cpu_seconds * 1e6 / self.events
