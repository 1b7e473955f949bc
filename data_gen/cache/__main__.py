"""Lists the decoded pictures that are kept, and removes them: python -m data_gen.cache.

    python -m data_gen.cache                 lists them, with their sizes and their last use
    python -m data_gen.cache --clean=30      removes those that were not used for 30 days
    python -m data_gen.cache --clean         removes all of them

They are made again when they are needed.
"""

import argparse
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from data_gen.cache.entries import folder
from data_gen.cache.upkeep import Entry, clean, entries
from data_gen.errors import printable
from data_gen.room import in_bytes


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0, or 1 if something could not be listed or removed."""
    chosen = _parser().parse_args(arguments)
    place = folder(chosen.cache_dir)
    try:
        if chosen.clean is not None and not _clean(place, chosen.clean):
            return 1
        if chosen.list or chosen.clean is None:
            _list(place, entries(place))
    except OSError as error:
        print(f"error: {printable(error)}", file=sys.stderr)
        return 1
    return 0


def _clean(place: Path, days: float) -> bool:
    """Removes what was not used for some days and says so; returns whether all of it is gone."""
    removed, failed = clean(place, days)
    _list(place, removed, "removed ")
    for entry in failed:
        print(f"could not remove {printable(entry.path)}", file=sys.stderr)
    return not failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m data_gen.cache", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--list", action="store_true", help="list what is kept (the default)")
    parser.add_argument(
        "--clean",
        metavar="DAYS",
        nargs="?",
        type=_days,
        const=0.0,
        help="remove what was not used for that many days, without a number everything, and what "
        "killed programs left behind; never what is being written",
    )
    parser.add_argument(
        "--cache_dir",
        metavar="DIR",
        help="the cache (default: environment variable HIDRA_CACHE_DIR, else ~/.cache/hidra_tf)",
    )
    return parser


def _days(text: str) -> float:
    """A number of days.

    Raises:
        ArgumentTypeError: if it is none, or below 0.
    """
    try:
        days = float(text)
    except ValueError:
        days = math.nan
    if not 0 <= days < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number of days, 0 or more; received {text!r}")
    return days


def _list(place: Path, found: Sequence[Entry], did: str = "") -> None:
    """Prints a line for each entry and one for all."""
    for entry in found:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
        note = ", left behind by a program that was killed" if entry.abandoned else ""
        name = printable(entry.path.name)
        print(f"{did}{name}  {in_bytes(entry.size)}, last used {when}{note}")
    total = in_bytes(sum(entry.size for entry in found))
    noun = "entry" if len(found) == 1 else "entries"
    print(f"{did}{len(found)} {noun}, {total}, in {printable(place)}")


if __name__ == "__main__":
    # A terminal of any encoding shows folders of any name.
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main())
