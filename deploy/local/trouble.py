"""What can go wrong here and is nobody's bug: one line for a person, what is wrong and what to do."""


class Trouble(Exception):  # noqa: N818  (it is what somebody is in)
    """The embedded stack could not do what was asked."""
