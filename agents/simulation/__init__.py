"""A made-up company for tests, demonstrations, benchmarks and rehearsals: `Company(...).directory()`, `.lines()`.

Seeded and pure: no clock, no network, no chance but the seed's. The subjects: who (people, changes), when (regions,
rhythm, sessions), what (acts, content, communities, words), how it is written (encoding, hostile), what is missing
(drops), in what order (disorder).
"""

from agents.simulation.company import Company
from agents.simulation.drops import Drop, moment
from agents.simulation.regions import REGIONS, Region

__all__ = ["REGIONS", "Company", "Drop", "Region", "moment"]
