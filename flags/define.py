"""Defines flags: those that are settings of `Config` take type, default and bounds from there."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, get_args, get_type_hints

from absl import flags as absl_flags

from data_gen import ImageSize
from flags.ranges import PairParser, RangeParser
from hidra_tf.runs.config import Bounds, Config, bounds_of, format_ways

# A flag belongs to the module that calls this one.
absl_flags.disclaim_key_flags()

_TYPES = get_type_hints(Config)
_FIELDS = {field.name: field for field in dataclasses.fields(Config)}


class _ImageSizeParser(absl_flags.ArgumentParser):
    """Parses "84" or "64x96"; ValueError says what is wrong with anything else."""

    syntactic_help = "a number of pixels, or HEIGHTxWIDTH"

    def parse(self, argument: str | ImageSize) -> ImageSize:
        """Height and width."""
        return argument if isinstance(argument, ImageSize) else ImageSize.parse(argument)

    def flag_type(self) -> str:
        """The type's name in help texts."""
        return "image size"


class _FolderParser(absl_flags.ArgumentParser):
    """Makes a folder's name absolute, so that it means the same wherever it is read again."""

    syntactic_help = "a folder"

    def parse(self, argument: str) -> str:
        """The absolute name."""
        return os.path.abspath(argument)

    def flag_type(self) -> str:
        """The type's name in help texts."""
        return "folder"


class _WaysSerializer(absl_flags.ArgumentSerializer):
    def serialize(self, value: tuple[int, ...]) -> str:
        return format_ways(value)


def define_setting(
    name: str,
    help_text: str,
    default: Any = None,  # noqa: ANN401 — of the setting's type
    of_new_runs: bool = False,
) -> None:
    """Defines the flag of a setting of `Config`.

    Args:
        name: the setting's, and the flag's.
        help_text: what `--help` says of it.
        default: the flag's default where `Config` has none.
        of_new_runs: whether `flags.defaults` has the default, which new runs have; that of `Config`
            is then what runs mean that were begun before there was the setting.
    """
    kind, bounds = _kind(name), bounds_of(Config, name)
    if not of_new_runs and _FIELDS[name].default not in (dataclasses.MISSING, ()):
        default = _FIELDS[name].default
    if kind is bool:
        absl_flags.DEFINE_bool(name, default, help_text)
    elif kind is str and bounds.choices:
        absl_flags.DEFINE_enum(name, default, list(bounds.choices), help_text)
    else:
        _define(_parser(kind, bounds), name, default, help_text)


def define_folder(name: str, help_text: str) -> None:
    """Defines a flag whose value is the absolute name of a folder, or None."""
    _define(_FolderParser(), name, None, help_text)


def define_range(name: str, default: str | None, help_text: str, least: int) -> None:
    """Defines a flag whose value is a tuple of ascending integers, each at least `least`."""
    _define(RangeParser(least), name, default, help_text)


def _kind(name: str) -> Any:  # noqa: ANN401 — an annotation
    """The type of a setting where it is not None."""
    kinds = [kind for kind in get_args(_TYPES[name]) if kind is not type(None)]
    return kinds[0] if type(None) in get_args(_TYPES[name]) else _TYPES[name]


def _parser(kind: Any, bounds: Bounds) -> absl_flags.ArgumentParser:  # noqa: ANN401
    """What reads a setting of this type from the command line."""
    if kind is ImageSize:
        return _ImageSizeParser()
    if kind is int:
        return absl_flags.IntegerParser(bounds.least, bounds.most)
    if kind is float:
        return absl_flags.FloatParser()
    if kind is str:
        return absl_flags.ArgumentParser()
    return RangeParser(int(bounds.least)) if Ellipsis in get_args(kind) else PairParser()


def _define(parser: absl_flags.ArgumentParser, name: str, default: object, help_text: str) -> None:
    tuples = isinstance(parser, RangeParser | PairParser)
    serializer = _WaysSerializer() if tuples else absl_flags.ArgumentSerializer()
    absl_flags.DEFINE(parser, name, default, help_text, serializer=serializer)
