"""Bags of ROS 1 and ROS 2, written by the `rosbags` library, as small as they may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag1 import Writer as Bag1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as Bag2
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from tests.pipelines.readers.recordings import EPOCH_NS, jpeg

JOINTS, PHOTO, IMAGE = (
    f"sensor_msgs/msg/{name}" for name in ("JointState", "CompressedImage", "Image")
)
STEP_NS = 10_000_000
LATE_NS = 3_000_000
HUMBLE = get_typestore(Stores.ROS2_HUMBLE)
NOETIC = get_typestore(Stores.ROS1_NOETIC)


def header(store: Typestore, time_ns: int) -> Any:
    """Make a header with this stamp."""
    stamp = store.types["builtin_interfaces/msg/Time"](time_ns // 10**9, time_ns % 10**9)
    kind: Any = store.types["std_msgs/msg/Header"]
    return kind(0, stamp, "base") if store is NOETIC else kind(stamp, "base")


def joints(store: Typestore, step: int, *, count: int = 3) -> Any:
    """Make a joint state; joint k stands at k + step."""
    names = [f"joint_{number}" for number in range(count)]
    where = np.arange(count, dtype=np.float64) + step
    kind: Any = store.types[JOINTS]
    now = header(store, EPOCH_NS + step * STEP_NS)
    return kind(now, names, where, where / 2, np.zeros(0))


def photo(store: Typestore, step: int) -> Any:
    """Make an encoded picture."""
    kind: Any = store.types[PHOTO]
    data = np.frombuffer(jpeg(step), np.uint8)
    return kind(header(store, EPOCH_NS + step * STEP_NS), "bgr8; jpeg compressed bgr8", data)


def image(store: Typestore, step: int, *, encoding: str = "rgb8", pad: int = 0) -> Any:
    """Make a picture of 8x6 pixels that is not encoded; `pad` bytes end each of its rows."""
    kind: Any = store.types[IMAGE]
    row = 8 * {"rgb8": 3, "mono8": 1, "16UC1": 2}.get(encoding, 4)
    data = np.full((6, row + pad), step, np.uint8)
    now = header(store, EPOCH_NS + step * STEP_NS)
    return kind(now, 6, 8, encoding, 0, row + pad, data.ravel())


def messages(store: Typestore, steps: range) -> list[tuple[str, Any, int]]:
    """Return (topic, message, log time): joints at each step, a picture at every fifth."""
    told = []
    for step in steps:
        late = EPOCH_NS + step * STEP_NS + LATE_NS
        told.append(("/joints", joints(store, step), late))
        if step % 5 == 0:
            told.append(("/camera", photo(store, step), late))
    return told


def ros1_bag(path: Path, *, steps: int = 40, compression: str = "", size: int = 4_000) -> Path:
    """Write a ROS 1 bag whose chunks hold some `size` bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bag = Bag1(path)
    if compression:
        bag.set_compression(Bag1.CompressionFormat[compression.upper()])
    bag.chunk_threshold = size
    with bag:
        links: dict[str, Any] = {}
        for topic, message, time in messages(NOETIC, range(steps)):
            name = message.__msgtype__
            if topic not in links:
                links[topic] = bag.add_connection(topic, name, typestore=NOETIC)
            bag.write(links[topic], time, bytes(NOETIC.serialize_ros1(message, name)))
    return path


def ros2_bag(
    folder: Path,
    told: list[tuple[str, Any, int]] | None = None,
    *,
    storage: str = "sqlite3",
    packed: str = "",
) -> Path:
    """Write a ROS 2 bag; `packed` is file or message."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    plugin = StoragePlugin.MCAP if storage == "mcap" else StoragePlugin.SQLITE3
    bag = Bag2(folder, version=9, storage_plugin=plugin)
    if packed:
        bag.set_compression(CompressionMode[packed.upper()], CompressionFormat.ZSTD)
    with bag:
        links: dict[str, Any] = {}
        for topic, message, time in messages(HUMBLE, range(40)) if told is None else told:
            name = message.__msgtype__
            if topic not in links:
                links[topic] = bag.add_connection(topic, name, typestore=HUMBLE)
            bag.write(links[topic], time, bytes(HUMBLE.serialize_cdr(message, name)))
    return folder


def units_of(stream: Any, stored: dict[str, bytes]) -> list[bytes]:
    """Return the bytes of each entry of a stream, cut out of its track by its index."""
    spans = zip(stream.index.offset, stream.index.size, strict=True)
    return [stored[stream.file_id][at : at + size] for at, size in spans]
