"""What source partitions tell each other in `esn.named`: whom an event named, and which local day has closed.

    key          value
    the person   {"day": 20779}: from this day on (days since 1970-01-01) it is known that somebody named the person
    no bytes     {"day": 20779, "source_partition": 3}: what this source partition knew by then came before; in every
                 partition of the topic

After a crash the same is told again; telling it twice changes nothing. No event text, nothing of who named whom.
"""

from typing import Final

import msgspec

CLOSING_KEY: Final = b""


class Named(msgspec.Struct, frozen=True, omit_defaults=True):
    """Either message; `source_partition` is of a closing."""

    day: int
    source_partition: int = -1


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Named).decode
