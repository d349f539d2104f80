"""The records of `esn.directory`: who is in the company, and where. `null` means forget this person."""

from typing import Literal

import msgspec

from schemas.events import Refused, parse, too_long


class Listing(msgspec.Struct, frozen=True, gc=False):
    """One person's directory record; `null` for an optional field means absent."""

    person: str | None = None
    enabled: bool | None = None
    kind: Literal["person", "guest", "service"] | None = None
    region: str | None = None
    department: str | None = None
    manager: str | None = None
    leader: bool | None = None
    ambassador: bool | None = None
    timezone: str | None = None

    @property
    def is_enabled(self) -> bool:
        """Enabled unless the record says otherwise."""
        return self.enabled is not False


_decode = msgspec.json.Decoder(Listing).decode


def read(raw: bytes) -> Listing:
    """Read the value of a directory message that is not `null`. Raises `Refused`."""
    listing = parse(raw, _decode)
    if not listing.person:
        raise Refused("missing_field")
    if any(too_long(one) for one in (listing.person, listing.region, listing.department, listing.manager)):
        raise Refused("id_too_long")
    return listing


def read_key(key: bytes | None) -> str:
    """Read the key of a `null` record: the person to forget. Raises `Refused`."""
    if not key:
        raise Refused("missing_field")
    try:
        person = key.decode()
    except UnicodeDecodeError:
        raise Refused("not_utf8") from None
    if too_long(person):
        raise Refused("id_too_long")
    return person
