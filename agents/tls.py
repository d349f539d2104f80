"""Whom we trust when a server shows its certificate, and what is said when it will not do. Standard library only."""

import ssl

from agents.errors import Failed


class _Hasty(ssl.SSLObject):
    """Says goodbye without waiting for the other's.

    uvloop waits 30 s for it, and a Kafka broker that got it together with a request may never say it.
    """

    def unwrap(self) -> None:
        try:
            super().unwrap()
        except ssl.SSLWantReadError:
            return  # ours is on its way


def trusting(ca: str, setting: str) -> ssl.SSLContext:
    """Return what trusts the authorities in the file `ca`, or the system's without one. Raises Failed."""
    try:
        context = ssl.create_default_context(cafile=ca or None)
    except OSError as error:
        raise Failed(f"{setting} is {ca}, which cannot be used ({why(error)}): give a PEM file") from None
    context.sslobject_class = _Hasty
    return context


def distrust(whose: str, said: str, setting: str) -> str:
    """Say that a server's certificate will not do, and what to do; nothing if OpenSSL `said` something else.

    `setting` is that of the server's address.
    """
    reason = said.partition("certificate verify failed: ")[2].partition(" (_ssl")[0].rstrip(".")
    if "mismatch" in reason:
        return f"{whose} has a certificate for another host ({reason}): set {setting} to a name that is in it"
    if reason:
        return f"{whose} has a certificate that is not trusted ({reason}): set {setting}_CA to the authority's file"
    return ""


def why(error: OSError) -> str:
    """Return what went wrong, in a few words."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "cannot be read").lower().replace("_", " ")
    return error.strerror or type(error).__name__
