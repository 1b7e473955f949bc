"""Numbers on the command line: "5", "2,5,8", "2-10", "2-5,10"; or exactly two."""

from __future__ import annotations

import re

from absl import flags as absl_flags

LONGEST_RANGE = 10_000


class RangeParser(absl_flags.ArgumentParser):
    """Parses a list of integers and ranges into an ascending tuple without repeats.

    Args:
        least: the smallest number allowed.
    """

    syntactic_help = "a number, a range like 2-10, or a list like 2,5,8"

    def __init__(self, least: int) -> None:
        super().__init__()
        self.least = least

    def parse(self, argument: str | tuple[int, ...]) -> tuple[int, ...]:
        """The numbers that `argument` names; ValueError says what is wrong with it."""
        if isinstance(argument, tuple):
            return argument
        numbers: set[int] = set()
        for part in argument.split(","):
            match = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", part)
            if match is None:
                raise ValueError(f"expected {self.syntactic_help}; received {argument!r}")
            first, last = int(match[1]), int(match[2] or match[1])
            if last < first:
                raise ValueError(f"expected an ascending range; received {argument!r}")
            if last - first >= LONGEST_RANGE:
                raise ValueError(
                    f"expected ranges of at most {LONGEST_RANGE} numbers; received {argument!r}"
                )
            numbers.update(range(first, last + 1))
        if min(numbers) < self.least:
            raise ValueError(f"expected numbers of at least {self.least}; received {argument!r}")
        return tuple(sorted(numbers))

    def flag_type(self) -> str:
        """The type's name in help texts."""
        return "numbers"


class PairParser(absl_flags.ArgumentParser):
    """Parses two numbers, "10,20"; ValueError says what is wrong with anything else."""

    syntactic_help = "two numbers like 10,20"

    def parse(self, argument: str | tuple[int, int]) -> tuple[int, int]:
        """The two numbers."""
        if isinstance(argument, tuple):
            return argument
        match = re.fullmatch(r"\s*(\d{1,9})\s*,\s*(\d{1,9})\s*", argument)
        if match is None:
            raise ValueError(f"expected {self.syntactic_help}; received {argument!r}")
        return int(match[1]), int(match[2])

    def flag_type(self) -> str:
        """The type's name in help texts."""
        return "two numbers"
