"""The one kind of error that is the user's to put right."""


class UserError(Exception):
    """An error a user can cause: a missing file, a wrong option, a damaged picture.

    The message is one clear line saying what was expected and what was received. The command
    line prints it as it is, without a traceback, so raise it only for things a user can change;
    a broken promise between two functions stays a `ValueError` or `TypeError`.
    """
