"""Engagement drops: (baseline, count of people) -> (baseline, drop or none), for one series or many at once.

`Bank` judges many series and is what the pipeline runs; `make_detector` is a bank of one. Reading order: `bank` (the
order of things), `profile` (what would have come), `spread` (how much it swings), `ladder` (the test), `kin`
(parents and children), `state` (what is remembered).
"""

from pipeline.drops.bank import Bank
from pipeline.drops.detector import Detector, make_detector
from pipeline.drops.state import LONG_AGO, State

__all__ = ["LONG_AGO", "Bank", "Detector", "State", "make_detector"]
