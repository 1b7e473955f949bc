"""The one kind of error that is the user's to put right."""


class UserError(Exception):
    """An error a user can cause: a missing file, a wrong option, a damaged picture.

    The message is one clear line saying what was expected and what was received. The command
    line prints it without a traceback, so raise it only for things a user can change; a broken
    promise between two functions stays a `ValueError` or `TypeError`.

    A message names settings between backticks, with a value or without: `data_dir`,
    `method=hidra`. The library does not know how its caller spells a setting; the command line
    puts dashes there (`flags.parsing.spelled`).
    """
