"""The one kind of error that is the user's to put right."""

import re


class UserError(Exception):
    """An error a user can cause: a missing file, a wrong option, a damaged picture.

    The message is one clear line saying what was expected and what was received. The command
    line prints it without a traceback, so raise it only for things a user can change; a broken
    promise between two functions stays a `ValueError` or `TypeError`.

    A message names settings between backticks, with a value or without: `data_dir`,
    `method=hidra`. The library does not know how its caller spells a setting; the command line
    puts dashes there (`flags.parsing.spelled`).

    Args:
        message: the line. The lines of a longer message, such as another library's, become one.
            Characters that cannot be printed, such as the bytes of a file name in an unknown
            encoding, are replaced as in `printable`.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(re.sub(r"\s*[\r\n]\s*", " ", str(message))))


def printable(text: object) -> str:
    r"""A text, in which what cannot be printed stands as an escape: "\n", "\x1b", "\udcff".

    A file name may hold any bytes. Python gives those that are no text as lone surrogates, which
    no encoding takes.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text)
    )
