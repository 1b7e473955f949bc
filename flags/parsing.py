"""Reads the command line: `--help` in groups, and one line for every mistake."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import textwrap
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from absl import flags as absl_flags

from flags import data, episodes, evaluation, method, own_pictures, serving, training

GROUPS: tuple[ModuleType, ...] = (
    data, episodes, method, training, evaluation, own_pictures, serving,
)  # fmt: skip
# A first word that stands for the flag of its name.
WORDS = ("app",)
_NO_FILE = re.compile("--?flagfile=")
_HELP = {"-h", "-help", "--help", "--helpshort", "-helpshort"}


def parse(argv: Sequence[str], usage: str) -> list[str]:
    """Parses `argv`; for `absl.app.run(flags_parser=…)`.

    Args:
        argv: the program's name and its arguments, which may begin with one of `WORDS`.
        usage: printed above the flags by `--help`, which then exits with 0.

    Returns:
        The program's name alone.

    A mistake is printed as one line, and the program exits with 2.
    """
    if argv[1:2] and argv[1] in WORDS:
        argv = [argv[0], f"--{argv[1]}", *argv[2:]]
    if _HELP.intersection(argv[1:]):
        _show_help(usage)
    grumbled = io.StringIO()
    try:
        # Where absl passes over something, such as a flagfile that reads itself, it says so here.
        with contextlib.redirect_stderr(grumbled):
            rest = absl_flags.FLAGS(list(argv))
        if grumbled.getvalue():
            raise absl_flags.Error(grumbled.getvalue().removeprefix("Warning: "))
        _check_arguments(argv, rest)
    except absl_flags.Error as error:
        # absl begins what it says of a flagfile with a word of its own.
        _refuse(str(error).removeprefix("ERROR:: "))
    except UnicodeDecodeError as error:
        _refuse(f"expected a --flagfile of text; received one with other bytes: {error}")
    return rest


def _check_arguments(argv: Sequence[str], rest: Sequence[str]) -> None:
    """Raises `absl_flags.Error` for what absl lets pass in silence.

    Args:
        argv: the arguments as they were given.
        rest: those that are no flags.
    """
    if len(rest) > 1:
        raise absl_flags.Error(f"expected flags only, received {rest[1]!r}")
    pairs = zip(argv, [*argv[1:], None], strict=True)
    if any((re.fullmatch("--?flagfile", a) and b == "") or _NO_FILE.fullmatch(a) for a, b in pairs):
        raise absl_flags.Error("flag --flagfile: expected the name of a file, received none")
    for name in absl_flags.FLAGS:
        if "\0" in str(absl_flags.FLAGS[name].value):
            raise absl_flags.Error(f"flag --{name}: expected text without null bytes")


def spelled(message: str) -> str:
    """A message on one line, with the settings that it names between backticks spelled as flags.

    "expected `shots=1` or more" → "expected --shots=1 or more"; other backticks stay.
    """

    def as_flag(match: re.Match[str]) -> str:
        return f"--{match[1]}" if match[2] in absl_flags.FLAGS else match[0]

    return re.sub(r"`((\w+)(?:=[^`]*)?)`", as_flag, " ".join(message.split()))


def _refuse(message: str) -> NoReturn:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


def _show_help(usage: str) -> NoReturn:
    try:
        print(help_text(usage), flush=True)
    except BrokenPipeError:  # its reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(0)


def help_text(usage: str) -> str:
    """`usage`, then every flag under the title of its group."""
    parts = [usage.strip()]
    for group in GROUPS:
        defined = absl_flags.FLAGS.flags_by_module_dict()[group.__name__]
        parts.append("\n".join([group.TITLE, *map(_describe, defined)]))
    parts.append("--flagfile=FILE reads flags from a file; later flags win.")
    return "\n\n".join(parts)


def _describe(flag: absl_flags.Flag) -> str:
    """A flag with its help and its default, wrapped and indented."""
    text = f"--{'[no]' if flag.boolean else ''}{flag.name}: {flag.help}"
    if flag.default is not None and not flag.boolean:
        text += " (default {})".format(flag.default_as_str.strip("'"))
    return textwrap.fill(text, 88, initial_indent="  ", subsequent_indent="      ")
