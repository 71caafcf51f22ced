"""The readers of PROTOCOL.md, in one process of an environment of their own (`make peers-feed`).

Run with: FOLDER SET ENCODE WINDOW BATCHES ROUNDS. Makes the set in FOLDER if it is not there,
compares each reader with a sequential decode, then reads in rounds. Prints one JSON line.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.benchmarks.feed_films import SIZE, Place, placed
from tests.benchmarks.feed_ours import ours

Window = tuple[int, int]  # clip, first frame
Read = Callable[[Sequence[Window]], Iterator[tuple[Sequence[int], Any]]]  # places, their frames
ALONE = "ours, decoding alone"
BATCH, EXACT_WINDOWS, WAIT_S, QUIET = 8, 60, 120, 0.3
LIBRARIES = ("av", "decord2", "torchcodec", "pylance", "litdata", "webdataset", "torch", "numpy")


def main() -> None:
    """Measure and print."""
    folder, name, encode = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    length, batches, rounds = (int(one) for one in sys.argv[4:])
    place = placed(folder, name, encode)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    own = ours(place, length, BATCH)
    readers, failed = _readers(place, length)
    readers = {"ours": own.read, ALONE: own.decode_alone, **readers}
    probes = _drawn(place, length, seed=10_000, count=EXACT_WINDOWS)
    true = _sequential(place, probes, length)
    inexact = {who: _differ(read, probes, true) for who, read in readers.items()}
    load = _quiet()
    spent = []
    names = list(readers)
    for number in range(rounds):
        windows = _drawn(place, length, seed=number, count=BATCH * batches)
        turn = names[number % len(names) :] + names[: number % len(names)]
        spent.append({who: _spent(readers[who], windows) for who in turn})
    told = {
        "set": name,
        "encode": encode,
        "window": length,
        "windows": BATCH * batches,
        "loads": [load, os.getloadavg()[0]],
        "rounds": spent,
        "inexact": inexact,
        "failed": failed,
        "versions": {one: version(one) for one in LIBRARIES},
        "film_bytes": sum(len(one.media) for one in place.films) / len(place.films),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        **own.proof(_drawn(place, length, seed=0, count=BATCH * batches)),
    }
    sys.stdout.write(json.dumps(told))


def _drawn(place: Place, length: int, *, seed: int, count: int) -> list[Window]:
    rng = np.random.default_rng(seed)
    clips = rng.integers(0, len(place.films), count).tolist()
    firsts = rng.integers(0, place.num_frames - length + 1, count).tolist()
    return list(zip(clips, firsts, strict=True))


def _spent(read: Read, windows: Sequence[Window]) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in read(windows):
        pass
    return time.process_time() - cpu, time.perf_counter() - wall


def _differ(read: Read, windows: Sequence[Window], true: Sequence[Any]) -> int:
    """Return how many windows are not, byte for byte, what a sequential decode shows."""
    same = [False] * len(windows)
    for places, frames in read(windows):
        for at, got in zip(places, frames, strict=True):
            same[at] = np.array_equal(got, true[at])
    return same.count(False)


def _quiet() -> float:
    """Wait for a quiet machine, but not for long; return its load."""
    begun = time.monotonic()
    while os.getloadavg()[0] >= QUIET and time.monotonic() - begun < WAIT_S:
        time.sleep(5)
    return os.getloadavg()[0]


def _sequential(place: Place, windows: Sequence[Window], length: int) -> list[Any]:
    true: list[Any] = [np.empty((length, SIZE, SIZE, 3), np.uint8) for _ in windows]
    for clip, one in enumerate(place.films):
        firsts = [(at, first) for at, (of, first) in enumerate(windows) if of == clip]
        with av.open(str(one.path)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                shown = [(at, number - first) for at, first in firsts]
                _keep(frame, [(at, step) for at, step in shown if 0 <= step < length], true)
    return true


def _keep(frame: av.VideoFrame, places: Sequence[tuple[int, int]], true: list[Any]) -> None:
    for at, step in places:
        true[at][step] = frame.to_ndarray(format="rgb24")


def _readers(place: Place, length: int) -> tuple[dict[str, Read], dict[str, str]]:
    def batched(fetch: Callable[[list[int]], list[Any]], decode: Any) -> Read:
        out = np.empty((BATCH, length, SIZE, SIZE, 3), np.uint8)

        def read(windows: Sequence[Window]) -> Iterator[tuple[Sequence[int], Any]]:
            for at in range(0, len(windows), BATCH):
                part = windows[at : at + BATCH]
                found = fetch([clip for clip, _ in part])
                for number, ((_, first), source) in enumerate(zip(part, found, strict=True)):
                    decode(source, first, out[number])
                yield range(at, at + len(part)), out[: len(part)]

        return read

    paths = [str(one.path) for one in place.films]

    def files(clips: list[int]) -> list[Any]:
        return [paths[clip] for clip in clips]

    makers: dict[str, Callable[[], Read]] = {
        "pyav": lambda: batched(files, _by_pyav),
        "decord2": lambda: batched(files, _decord()),
        "torchcodec": lambda: batched(files, _torchcodec("exact")),
        "torchcodec approximate": lambda: batched(files, _torchcodec("approximate")),
        "lance + pyav": lambda: batched(
            _blobs(place), lambda raw, *to: _by_pyav(io.BytesIO(raw), *to)
        ),
        "lance + torchcodec": lambda: batched(_blobs(place), _torchcodec("approximate")),
        "litdata": lambda: batched(_chunks(place), _torchcodec("approximate")),
        "webdataset": lambda: _tars(place, length, _torchcodec("approximate")),
    }
    readers: dict[str, Read] = {}
    failed: dict[str, str] = {}
    for name, make in makers.items():
        try:
            readers[name] = make()
            next(iter(readers[name]([(0, 0)])))
        except Exception as error:  # noqa: BLE001 - a peer that does not run is named, not hidden
            readers.pop(name, None)
            failed[name] = f"{type(error).__name__}: {error}"[:300]
    return readers, failed


def _by_pyav(source: Any, first: int, out: Any) -> None:
    with av.open(source) as container:
        stream = container.streams.video[0]
        stream.thread_count, stream.thread_type = 1, "NONE"
        ticks = float(stream.average_rate * stream.time_base)
        container.seek(round(first / ticks), stream=stream)
        for frame in container.decode(stream):
            number = round(frame.pts * ticks)
            if number >= first + len(out):
                break
            if number >= first:
                out[number - first] = frame.to_ndarray(format="rgb24")


def _decord() -> Any:
    import decord

    def decode(path: str, first: int, out: Any) -> None:
        reader = decord.VideoReader(path, num_threads=1)
        out[:] = reader.get_batch(range(first, first + len(out))).asnumpy()

    return decode


def _torchcodec(seek_mode: Any) -> Any:
    from torchcodec.decoders import VideoDecoder

    def decode(source: Any, first: int, out: Any) -> None:
        decoder = VideoDecoder(
            source, dimension_order="NHWC", num_ffmpeg_threads=1, seek_mode=seek_mode
        )
        out[:] = decoder.get_frames_in_range(first, first + len(out)).data.numpy()

    return decode


def _blobs(place: Place, made: Callable[[bytes], Any] = bytes) -> Callable[[list[int]], list[Any]]:
    import lance

    data = lance.dataset(place.stores / "blobs.lance")

    def fetch(clips: list[int]) -> list[Any]:
        found = data.read_blobs("mp4", indices=sorted(set(clips)), preserve_order=True)
        raw = dict(zip(sorted(set(clips)), (one or b"" for _, one in found), strict=True))
        return [made(raw[clip]) for clip in clips]

    return fetch


def _chunks(place: Place) -> Callable[[list[int]], list[Any]]:
    import litdata

    data = litdata.StreamingDataset(str(place.stores / "chunks"))
    return lambda clips: [bytes(data[clip]) for clip in clips]


def _tars(place: Place, length: int, decode: Any) -> Read:
    import webdataset

    data = webdataset.WebDataset(str(place.stores / "films.tar"), shardshuffle=False)
    out = np.empty((BATCH, length, SIZE, SIZE, 3), np.uint8)

    def read(windows: Sequence[Window]) -> Iterator[tuple[Sequence[int], Any]]:
        filled: list[int] = []
        for sample in data:
            clip = int(sample["__key__"])
            for at, (of, first) in enumerate(windows):
                if of == clip:
                    decode(sample["mp4"], first, out[len(filled)])
                    filled.append(at)
                if len(filled) == BATCH:
                    yield filled, out
                    filled = []
        yield filled, out[: len(filled)]

    return read


if __name__ == "__main__":
    main()
