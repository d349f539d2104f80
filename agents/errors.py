"""Errors that a person reads: one line each, what is wrong and what to do.

Failed            exit 1: the world said no
+-- Usage         exit 2: the call or a setting is wrong
"""


class Failed(Exception):  # noqa: N818  (it is what the command did)
    """A command could not do its work; the message is one line for the person at the terminal."""

    exit_code = 1


class Usage(Failed):
    """A wrong call or setting; nothing was tried."""

    exit_code = 2
