"""What a ROS message is made of, as its definition says: fields, their types and their order.

In: the definition that a log carries with a topic, or the name of a set of definitions where it
carries none. Out: `Field`s, resolved down to numbers and strings, or None when a part of the
definition is missing or cannot be parsed: such messages are kept as bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

NUMBERS = {
    "bool": "b1",
    "byte": "u1",
    "char": "u1",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
    "int64": "i8",
    "uint64": "u8",
    "float32": "f4",
    "float64": "f8",
}
DISTROS = ("dashing", "eloquent", "foxy", "galactic", "humble", "iron", "jazzy", "kilted")
PRE_IRON = "humble"  # what a bag without definitions is read with unless its source says more
ONE, ANY = -1, -2  # a single value; a sequence that says its own length
DEEPEST = 64
IDL_PART = re.compile(r"^=+\nIDL: .*\n", re.MULTILINE)  # between definitions laid end to end
FILLER = "structure_needs_at_least_one_member"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message: a number, a string or a message, alone or several."""

    name: str
    number: str = ""  # numpy's letters for its kind and size; "" for strings and messages
    fields: tuple[Field, ...] | None = None  # of a message
    count: int = ONE


Fields = tuple[Field, ...]


def fields_of(name: str, text: str, *, encoding: str, distro: str) -> Fields | None:
    """Return the fields of the message type `name`; `text` is what the log says it is made of.

    A part that `text` leaves out is taken from the definitions of `distro`.
    """
    parsed = _parsed(name, text, encoding) if text.strip() else {}
    if parsed is None:
        return None
    try:
        return _resolved(_full(name), parsed, known(distro), depth=0)
    except (KeyError, RecursionError):
        return None


@cache
def known(distro: str) -> Mapping[str, Any]:
    """Return the definitions that come with a ROS distribution."""
    from rosbags.typesys import Stores, get_typestore

    store = Stores.ROS1_NOETIC if distro == "noetic" else Stores[f"ROS2_{distro.upper()}"]
    return get_typestore(store).fielddefs


def md5_of(name: str, text: str) -> str:
    """Return the digest by which ROS 1 names a definition, or "" when it cannot be told."""
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore
    from rosbags.typesys.base import TypesysError

    store = get_typestore(Stores.EMPTY)
    try:
        store.register(get_types_from_msg(text, name))
        return str(store.generate_msgdef(_full(name), ros_version=1)[1])
    except (TypesysError, KeyError, ValueError):
        return ""


def _parsed(name: str, text: str, encoding: str) -> Mapping[str, Any] | None:
    from rosbags.typesys import get_types_from_idl, get_types_from_msg
    from rosbags.typesys.base import TypesysError

    try:
        if encoding == "ros2idl":
            parts = [part for part in IDL_PART.split(text) if part.strip()]
            return {name: said for part in parts for name, said in get_types_from_idl(part).items()}
        return get_types_from_msg(text, name)
    except (TypesysError, ValueError, RecursionError):
        return None


def _full(name: str) -> str:
    from rosbags.typesys.msg import normalize_msgtype

    return str(normalize_msgtype(name))


def _resolved(name: str, own: Mapping[str, Any], more: Mapping[str, Any], *, depth: int) -> Fields:
    if depth > DEEPEST:
        raise RecursionError(name)
    _, fields = own[name] if name in own else more[name]
    return tuple(_field(label, desc, own, more=more, depth=depth) for label, desc in fields)


def _field(
    label: str,
    desc: Any,  # noqa: ANN401 - the library's nested tuples
    own: Mapping[str, Any],
    *,
    more: Mapping[str, Any],
    depth: int,
) -> Field:
    from rosbags.interfaces import Nodetype

    node, what = desc
    count = ONE
    if node in {Nodetype.ARRAY, Nodetype.SEQUENCE}:
        (inner, length), is_fixed = what, node == Nodetype.ARRAY
        count = length if is_fixed else ANY
        node, what = inner
    if node == Nodetype.NAME:
        fields = _resolved(what, own, more, depth=depth + 1)
        return Field(label, fields=fields, count=count)
    if what[0] == "string":
        return Field(label, count=count)
    return Field(label, number=NUMBERS[what[0]], count=count)
