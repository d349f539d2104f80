"""lz4 in aiokafka, at the speed that lz4 has. Whoever fetches or sends in bulk imports this; it holds for the process.

    decompressing   by the library that ClickHouse's driver needs anyway: 30 ns for an event instead of 240 by cramjam,
                    which begins with a small buffer and grows it
    compressing     at level 2: aiokafka takes 9, which costs 3 us for a row of `esn.pulse` (a microsecond for an event
                    of the benchmark) where this costs 0.15, to save 0.05 of 1

Leans on the inside of aiokafka 0.14: its reader and its builder of batches look these names up in their module.
"""

import sys
from functools import partial

import lz4.frame
from aiokafka import codec
from aiokafka.record import default_records

for _user in (default_records.DefaultRecordBatch, default_records.DefaultRecordBatchBuilder):
    _module = sys.modules[_user.__module__]
    _module.lz4_decode = lz4.frame.decompress  # type: ignore[attr-defined]
    _module.lz4_encode = partial(codec.lz4_encode, level=2)  # type: ignore[attr-defined]
