"""Reads JSON into dataclasses, and takes nothing for what it is not.

`true` is no whole number, `5.0` is none either, and "0" is text. What does not fit is named by its
place, such as `rows[2].ways`, with what was expected there and what was received.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from data_gen.errors import UserError

T = TypeVar("T")

_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    type(None): "null",
}
_MANY = (list, tuple, Sequence)
_BY_NAME = (dict, Mapping)


def read(kind: type[T], path: Path) -> T:
    """The `kind` that a file holds.

    Raises:
        OSError: if the file cannot be read.
        UserError: if it holds something else; the message begins with the file's name.
    """
    try:
        return parse(kind, path.read_bytes())
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def parse(kind: type[T], text: str | bytes) -> T:
    """The `kind`, a dataclass or any type that `convert` knows, that a text holds.

    Raises:
        UserError: if it is no JSON, or holds something else; the message names the place.
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:  # text of another encoding is a ValueError too
        raise UserError(f"expected JSON, received something else ({error})") from error
    return convert(kind, value)


def convert(kind: Any, value: object, place: str = "") -> Any:  # noqa: ANN401 — any annotation
    """What JSON made, as the annotated type.

    Args:
        kind: `bool`, `int`, `float`, `str`, `None`, `Any`, a union of types, `list[X]`,
            `tuple[X, ...]`, `tuple[X, Y]`, `dict[str, X]`, or a dataclass or named tuple of these.
        value: what `json.loads` made.
        place: the value's place in the whole, for messages.

    Raises:
        UserError: if the value is of another type.
    """
    origin = get_origin(kind)
    if kind in (Any, object):
        return value
    if origin in (Union, types.UnionType):
        return _one_of(get_args(kind), value, place)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, place)
    if hasattr(kind, "_fields"):
        hints = get_type_hints(kind)
        return kind(*_fixed([hints[name] for name in kind._fields], value, place))
    if (origin or kind) in _MANY:
        return _many(origin or kind, get_args(kind), value, place)
    if (origin or kind) in _BY_NAME:
        return _by_name(get_args(kind), value, place)
    return _plain(type(None) if kind is None else kind, value, place)


def _plain(kind: type, value: object, place: str) -> object:
    if kind is float and type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise _unexpected("a number that fits 64 bits", value, place) from None
    if type(value) is not kind:
        raise _unexpected(_WORDS[kind], value, place)
    return value


def _one_of(kinds: Sequence[Any], value: object, place: str) -> object:
    if value is None and type(None) in kinds:
        return None
    others = [kind for kind in kinds if kind is not type(None)]
    for kind in others[:-1]:
        try:
            return convert(kind, value, place)
        except UserError:
            continue
    return convert(others[-1], value, place)


def _dataclass(kind: type, value: object, place: str) -> object:
    if not isinstance(value, dict):
        raise _unexpected("fields by name", value, place)
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
    unknown = [name for name in value if name not in fields]
    missing = [name for name, field in fields.items() if name not in value and _needed(field)]
    for names, what in ((unknown, "unknown"), (missing, "missing")):
        if names:
            raise UserError(f"{_beginning(place)}{what} field {', '.join(names)}")
    hints = get_type_hints(kind)
    inside = f"{place}." if place else ""
    return kind(**{name: convert(hints[name], v, inside + name) for name, v in value.items()})


def _needed(field: dataclasses.Field) -> bool:
    return field.default is field.default_factory is dataclasses.MISSING


def _many(origin: type, kinds: tuple[Any, ...], value: object, place: str) -> object:
    if origin is tuple and kinds and kinds[-1] is not Ellipsis:
        return tuple(_fixed(kinds, value, place))
    if not isinstance(value, list):
        raise _unexpected("a list", value, place)
    member = kinds[0] if kinds else Any
    members = [convert(member, v, f"{place}[{i}]") for i, v in enumerate(value)]
    return tuple(members) if origin is tuple else members


def _fixed(kinds: Sequence[Any], value: object, place: str) -> list[object]:
    if not isinstance(value, list) or len(value) != len(kinds):
        raise _unexpected(f"a list of {len(kinds)}", value, place)
    pairs = enumerate(zip(kinds, value, strict=True))
    return [convert(kind, v, f"{place}[{i}]") for i, (kind, v) in pairs]


def _by_name(kinds: tuple[Any, ...], value: object, place: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _unexpected("fields by name", value, place)
    inside = f"{place}." if place else ""
    return {
        name: convert(kinds[1] if kinds else Any, v, inside + name) for name, v in value.items()
    }


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object's fields; ValueError where a name comes twice, of which one would be lost."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"field {twice} stands there twice")
    return fields


def _unexpected(expected: str, value: object, place: str) -> UserError:
    shown = json.dumps(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return UserError(f"{_beginning(place)}expected {expected}, received {shown}")


def _beginning(place: str) -> str:
    return f"{place}: " if place else ""
