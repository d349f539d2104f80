"""Where the made-up company works: zones, weekends, holidays and languages. Data only.

Holidays are the fixed dates that everybody knows; movable feasts are left out: a simulation needs no
calendar library.
"""

from dataclasses import dataclass
from importlib.resources import files
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Region:
    """A region, its clock and its free days. `weight` is its share of the people, `holidays` are MM-DD."""

    name: str
    timezone: str
    weight: int = 1
    language: str = "en"
    weekend: tuple[int, ...] = (5, 6)  # Monday is 0
    holidays: tuple[str, ...] = ("01-01", "05-01", "12-25")

    @property
    def zone(self) -> ZoneInfo:
        """Return the rules of the region's clock: the package's, as machines differ in theirs."""
        with files("tzdata").joinpath("zoneinfo", *self.timezone.split("/")).open("rb") as rules:
            return ZoneInfo.from_file(rules, key=self.timezone)


REGIONS = (
    Region("ES", "Europe/Madrid", 30, "es", holidays=("01-01", "01-06", "05-01", "08-15", "10-12", "12-08", "12-25")),
    Region(
        "SE", "Europe/Stockholm", 22, "sv", holidays=("01-01", "01-06", "05-01", "06-06", "12-24", "12-25", "12-26")
    ),
    Region("EG", "Africa/Cairo", 14, "ar", weekend=(4, 5), holidays=("01-07", "01-25", "04-25", "05-01", "10-06")),
    Region("BR", "America/Sao_Paulo", 16, "pt", holidays=("01-01", "04-21", "05-01", "09-07", "11-15", "12-25")),
    Region(
        "JP", "Asia/Tokyo", 14, "ja", holidays=("01-01", "01-02", "02-11", "02-23", "04-29", "05-03", "05-04", "11-03")
    ),
    Region("WS", "Pacific/Apia", 4, "en", holidays=("01-01", "04-25", "06-01", "12-25", "12-26")),
)

DEPARTMENTS = ("Sales", "Engineering", "Support", "Finance", "HR", "Marketing", "Operations", "Legal")
TOPICS = ("news", "help-desk", "ideas", "lunch", "onboarding", "safety", "travel", "security", "running", "parents")
