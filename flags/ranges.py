"""Numbers on the command line: "5", "2,5,8", "2-10", "2-5,10"; or exactly two."""

from __future__ import annotations

import re

from absl import flags

from hidra_tf.runs.config import format_ways


class RangeParser(flags.ArgumentParser):
    """Parses a list of integers and ranges into an ascending tuple without repeats.

    Args:
        least: the smallest number allowed.
        digits: the most that a number may have.
    """

    syntactic_help = "a number, a range like 2-10, or a list like 2,5,8"

    def __init__(self, least: int, digits: int = 4) -> None:
        super().__init__()
        self.least, self.digits = least, digits

    def parse(self, argument: str | tuple[int, ...]) -> tuple[int, ...]:
        """The numbers that `argument` names; ValueError says what is wrong with it."""
        if isinstance(argument, tuple):
            return argument
        numbers: set[int] = set()
        for part in argument.split(","):
            number = rf"(\d{{1,{self.digits}}})"
            match = re.fullmatch(rf"\s*{number}(?:-{number})?\s*", part)
            if match is None:
                raise ValueError(f"expected {self.syntactic_help}; received {argument!r}")
            first, last = int(match[1]), int(match[2] or match[1])
            if last < first:
                raise ValueError(f"expected an ascending range; received {argument!r}")
            numbers.update(range(first, last + 1))
        if min(numbers) < self.least:
            raise ValueError(f"expected numbers of at least {self.least}; received {argument!r}")
        return tuple(sorted(numbers))

    def flag_type(self) -> str:
        """The type's name in help texts."""
        return "numbers"


class PairParser(flags.ArgumentParser):
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


class _Serializer(flags.ArgumentSerializer):
    def serialize(self, value: tuple[int, ...]) -> str:
        return format_ways(value)


def define_range(
    name: str, default: str | None, help_text: str, least: int, module: str, digits: int = 4
) -> None:
    """Defines a flag of the module named `module`, whose value is a tuple of ascending integers."""
    flags.DEFINE(
        RangeParser(least, digits),
        name,
        default,
        help_text,
        serializer=_Serializer(),
        module_name=module,
    )


def define_pair(name: str, help_text: str, module: str) -> None:
    """Defines a flag of the module named `module`, whose value is two integers, or None."""
    flags.DEFINE(PairParser(), name, None, help_text, serializer=_Serializer(), module_name=module)
