"""Messages of ROS: what the walk finds is what `rosbags` decodes, many at once or one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.readers.columns import nested, numbers_of, stamp_column, texts_of
from pipelines.readers.definitions import fields_of, known, md5_of
from pipelines.readers.wire import Alike, Broken, Wire, alike, layout_of, value_of
from tests.pipelines.readers.bags import HUMBLE, JOINTS, NOETIC, header

DEEP = """Part[] parts
uint8[] blob
uint8[4] four
string[<=3] words
bool on
char letter
int64 large
float32[2] pair
Part last
================================================================================
MSG: test/Part
uint8 kind
float64 weight
string name
int16[] shorts
"""
PARTS = st.lists(
    st.tuples(
        st.integers(0, 255),
        st.floats(allow_nan=False),
        st.text(st.characters(min_codepoint=1, codec="utf-8"), max_size=5),
        st.lists(st.integers(-(2**15), 2**15 - 1), max_size=4),
    ),
    min_size=1,
    max_size=4,
)


def store():
    """Make a store that knows the nested type."""
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    made = get_typestore(Stores.EMPTY)
    made.register(get_types_from_msg(DEEP, "test/msg/Deep"))
    return made


DEEP_STORE = store()


def wire_of(name: str, text: str = "", *, is_cdr: bool = True, distro: str = "humble") -> Wire:
    fields = fields_of(name, text, encoding="ros2msg", distro=distro)
    assert fields is not None
    return Wire(fields=fields, is_cdr=is_cdr)


def document(data: bytes, wire: Wire) -> Any:
    leaves = layout_of(data, wire).leaves
    return nested((leaf.path, value_of(data, leaf)) for leaf in leaves)


@settings(deadline=None)
@given(
    parts=PARTS,
    blob=st.binary(max_size=7),
    words=st.lists(st.sampled_from(["", "a", "longer"]), max_size=3),
    large=st.integers(-(2**63), 2**63 - 1),
    is_cdr=st.booleans(),
)
def test_the_walk_finds_every_value(parts, blob, words, large, is_cdr):
    types: Any = DEEP_STORE.types
    made = [
        types["test/msg/Part"](kind, weight, name, np.array(shorts, np.int16))
        for kind, weight, name, shorts in parts
    ]
    four, pair = np.array([1, 2, 3, 4], np.uint8), np.array([0.5, 2], np.float32)
    raw = np.frombuffer(blob, np.uint8)
    message = types["test/msg/Deep"](made, raw, four, words, True, 65, large, pair, made[0])
    write = DEEP_STORE.serialize_cdr if is_cdr else DEEP_STORE.serialize_ros1
    data = bytes(write(message, "test/msg/Deep"))

    doc = document(data, wire_of("test/msg/Deep", DEEP, is_cdr=is_cdr))

    assert [(one["kind"], one["weight"], one["name"]) for one in doc["parts"]] == [
        part[:3] for part in parts
    ]
    assert [one.get("shorts", []) for one in doc["parts"]] == [part[3] for part in parts]
    assert (doc.get("blob", b""), doc["four"], doc.get("words", [])) == (blob, [1, 2, 3, 4], words)
    assert (doc["on"], doc["letter"], doc["large"], doc["pair"]) == (True, 65, large, [0.5, 2])
    assert doc["last"]["weight"] == parts[0][1]


@settings(deadline=None, max_examples=50)
@given(
    sizes=st.lists(st.integers(0, 3), min_size=1, max_size=30),
    names=st.lists(st.sampled_from(["a", "bb"]), min_size=1, max_size=30),
)
def test_messages_in_bulk_are_the_messages_one_by_one(sizes, names):
    wire, batch = wire_of(JOINTS), []
    kind: Any = HUMBLE.types[JOINTS]
    for step, (size, name) in enumerate(zip(sizes, names, strict=False)):
        where = np.arange(size, dtype=np.float64) + step
        message = kind(header(HUMBLE, 10**9 + step), [name], where, where[:0], where)
        batch.append(bytes(HUMBLE.serialize_cdr(message, JOINTS)))

    seen = {}
    for group in alike(batch, wire):
        assert isinstance(group, Alike)
        stamps, without = stamp_column(group, ("header.stamp",))
        channels, values, inexact = numbers_of(group, without)
        texts = texts_of(group, inexact)
        for at, row in enumerate(group.rows):
            pairs = dict(zip(channels, values[at].tolist(), strict=True))
            seen[int(row)] = (int(stamps[at]), pairs, texts[at])

    for row, data in enumerate(batch):
        doc = document(data, wire)
        stamp, pairs, text = seen[row]
        assert stamp == 10**9 + row
        assert [pairs[f"position.{n}"] for n in range(sizes[row])] == doc.get("position", [])
        assert text == f'{{"header": {{"frame_id": "base"}}, "name": ["{names[row]}"]}}'
    assert len(seen) == len(batch)


@settings(deadline=None)
@given(data=st.binary(max_size=80))
def test_any_bytes_are_a_message_or_a_value_error(data):
    wire = wire_of(JOINTS)

    (found,) = alike([b"\0\1\0\0" + data], wire)

    assert isinstance(found, Alike | Broken)


def test_a_message_that_ends_early_or_goes_on_is_broken():
    kind: Any = HUMBLE.types["std_msgs/msg/Float64"]
    data = bytes(HUMBLE.serialize_cdr(kind(1.5), "std_msgs/msg/Float64"))
    wire = wire_of("std_msgs/msg/Float64")

    whole, *broken = alike([data, data[:-1], data + bytes(8)], wire)

    assert isinstance(whole, Alike)
    assert [one.row for one in broken if isinstance(one, Broken)] == [1, 2]


def test_big_endian_messages_are_read_as_such():
    kind: Any = HUMBLE.types["std_msgs/msg/Float64"]
    message = kind(1.5)
    data = bytes(HUMBLE.serialize_cdr(message, "std_msgs/msg/Float64", little_endian=False))

    assert document(data, wire_of("std_msgs/msg/Float64")) == {"data": 1.5}


def test_an_integer_that_float64_cannot_hold_stays_exact_among_the_words():
    kind: Any = HUMBLE.types["std_msgs/msg/Int64"]
    batch = [
        bytes(HUMBLE.serialize_cdr(kind(value), "std_msgs/msg/Int64")) for value in (7, 2**53 + 1)
    ]

    (group,) = alike(batch, wire_of("std_msgs/msg/Int64"))

    assert isinstance(group, Alike)
    _, values, inexact = numbers_of(group, frozenset())
    assert values[0, 0] == 7
    assert np.isnan(values[1, 0])
    assert texts_of(group, inexact)[1] == f'{{"data": {2**53 + 1}}}'


@pytest.mark.parametrize("name", ["std_msgs/msg/Empty", "std_srvs/msg/Nothing"])
def test_an_empty_message_is_one(name):
    is_known = name in known("humble")
    wire = wire_of(name) if is_known else Wire(fields=(), is_cdr=True)

    assert document(b"\0\1\0\0\0", wire) == {}


@pytest.mark.parametrize("text", ["other/Type x\n", "this is no definition", "wstring x\n"])
def test_a_definition_that_is_not_whole_gives_none(text):
    assert fields_of("a/msg/B", text, encoding="ros2msg", distro="humble") is None


def test_the_md5_of_a_definition_is_the_one_ros_gives_it():
    text, md5 = NOETIC.generate_msgdef(JOINTS, ros_version=1)

    assert md5_of("sensor_msgs/JointState", text) == md5 == "3066dcd76a6cfaef579bd0f34173e9fd"
