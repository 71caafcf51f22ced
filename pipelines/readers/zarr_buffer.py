"""Reader `zarr_buffer`: Zarr replay buffers, `data/*` cut into episodes by `meta/episode_ends`.

A folder or a zip. The buffer holds no time: steps are counted at a declared rate. Pictures are
decoded by the array's own codec and kept in a lossless track. A chunk that is not there reads as
the fill value, so a picture of it would be invented: such a buffer is refused.
"""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np

from pipelines.readers.arrays import (
    PIXELS,
    Pictures,
    Steps,
    array_stream,
    counted,
    picture_stream,
    steps_of,
)
from pipelines.readers.formats import Claim, Extra, Glance, Listing, Reader
from pipelines.readers.reading import Counted, FileFacts, Job, ReadResult, Refused, Track
from pipelines.readers.zarr_chunks import lacking_chunks, refuse_cut_chunks
from pipelines.records import Stream

ENDS: Final = "meta/episode_ends"
DESCRIBES: Final = frozenset({".zgroup", ".zattrs", ".zarray", ".zmetadata"})
USUAL_HZ: Final = 20.0
FAULTS: Final = (
    *(RuntimeError, ValueError, OSError, KeyError, TypeError, EOFError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)


def read(job: Job) -> Iterator[ReadResult]:
    """Yield the episodes of the buffer in order."""
    where = _where(job)
    steps = steps_of(job.config, 0.0, usual_hz=USUAL_HZ, whose="a replay buffer")
    with _opened(job.root / where, where) as root:
        ends, arrays, lacking = _parts(root, job.root / where, where)
        first = True
        for number, (low, high) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            part = f"episode_{number}"
            streams, tracks, notes = _episode(
                job, arrays, (low, high), part=part, steps=steps, where=where
            )
            episode = job.episode(streams, part=part, notes=[*notes, *lacking])
            told = counted(streams, steps=high - low)
            lines = tuple(_lines(job, told, others=first))
            first = False
            yield ReadResult(episodes=(episode,), tracks=tuple(tracks), files=lines)


def _episode(
    job: Job,
    arrays: Sequence[tuple[str, Any]],
    span: tuple[int, int],
    *,
    part: str,
    steps: Steps,
    where: str,
) -> tuple[list[Stream], list[Track], list[str]]:
    streams, tracks, notes = list[Stream](), list[Track](), list[str]()
    low, high = span
    times = steps.times(high - low)
    for name, data in arrays:
        stream: Stream | None
        if _is_picture(data):
            stream, track = _pictures(job, name, data, span=span, part=part, steps=steps)
            tracks += [track] if track else []
        else:
            values = _values(data, span, where)
            stream = array_stream(
                name, values, ts_ns=times, clock=steps.clock, file_id=job.group.files[0].sha256
            )
        streams += [stream] if stream else []
        notes += [] if stream else [f"{name} {data.shape} {data.dtype} is not read"]
    return streams, tracks, notes


def _is_picture(data: Any) -> bool:  # noqa: ANN401  zarr has no types
    return bool(data.dtype == np.uint8 and data.ndim == 4 and data.shape[3] in PIXELS)


def _pictures(
    job: Job,
    name: str,
    data: Any,  # noqa: ANN401  zarr has no types
    *,
    span: tuple[int, int],
    part: str,
    steps: Steps,
) -> tuple[Stream, Track | None]:
    low, high = span
    height, width, depth = data.shape[1:]
    pictures = Pictures(
        name=name,
        codec="rawvideo",
        width=width,
        height=height,
        pixels=PIXELS[depth],
        sizes=[height * width * depth] * (high - low),
        offsets=None,
    )
    scratch = job.scratch / part
    scratch.mkdir(exist_ok=True)
    frames = (_values(data, (at, at + 1), name).tobytes() for at in range(low, high))
    first = job.group.files[0]
    stream, track = picture_stream(
        pictures,
        frames,
        ts_ns=steps.times(high - low),
        clock=steps.clock,
        file=(first.sha256, job.path(first), scratch),
    )
    return stream, track


def _values(data: Any, span: tuple[int, int], what: str) -> np.ndarray[Any, Any]:  # noqa: ANN401
    try:
        return np.asarray(data[span[0] : span[1]])
    except FAULTS as error:
        raise Refused(
            f"{what}: {data.name} does not decode at {span[0]}: {error}",
            code="CORRUPT",
            evidence={"array": str(data.name), "at": span[0]},
        ) from error


def _parts(root: Any, path: Path, where: str) -> tuple[list[int], list[tuple[str, Any]], list[str]]:  # noqa: ANN401
    """Where the episodes end, the arrays of `data`, all as long as the last end, and notes."""
    try:
        refuse_cut_chunks(path, root[ENDS], where)
        ends = [int(one) for one in root[ENDS][:]]
        arrays = sorted(root["data"].arrays())
        for _, data in arrays:
            refuse_cut_chunks(path, data, where)
    except FAULTS as error:
        raise Refused(f"{where}: {error}", code="CORRUPT", evidence={"tool": "zarr"}) from error
    if not ends or not arrays:
        raise Refused(f"{where}: no episode in it", code="NO_CONTENT")
    if ends != sorted(set(ends)) or ends[0] <= 0:
        raise Refused(f"{where}: the ends of episodes do not ascend", code="CORRUPT")
    odd = {name: data.shape[0] for name, data in arrays if data.shape[:1] != (ends[-1],)}
    if odd:
        raise Refused(
            f"{where}: {ends[-1]} steps, but {odd}",
            code="PARTS_DISAGREE",
            evidence={"steps": ends[-1], "arrays": odd},
        )
    return ends, arrays, _lacking(arrays, where)


def _lacking(arrays: Sequence[tuple[str, Any]], where: str) -> list[str]:
    """Refuse pictures of which chunks are not there; return what to note of other arrays."""
    notes: list[str] = []
    for name, data in arrays:
        lacking = lacking_chunks(data)
        if lacking and (_is_picture(data) or data.fill_value is None):
            raise Refused(
                f"{where}: {lacking} of {data.nchunks} chunks of {name} are not there",
                code="PARTS_MISSING",
                evidence={"array": name, "missing": lacking},
            )
        if lacking:
            notes.append(f"{name}: {lacking} chunks are not there, read as {data.fill_value}")
    return notes


def _lines(job: Job, told: Counted, *, others: bool) -> Iterator[FileFacts]:
    """The counts stand on the first file; each other one has a line of its own, once."""
    first, *rest = job.group.files
    yield job.facts(first, told)
    if others:
        yield from (job.facts(found, Counted()) for found in rest)


def _where(job: Job) -> str:
    """The path of the zip, or of the folder that holds the buffer."""
    ends = [one.path for one in job.group.companions if one.path.endswith(f"{ENDS}/.zarray")]
    if ends:
        return ends[0].removesuffix(f"{ENDS}/.zarray").rstrip("/")
    return job.group.files[0].path


@contextmanager
def _opened(path: Path, name: str) -> Iterator[Any]:
    import zarr
    from imagecodecs.numcodecs import register_codecs

    register_codecs(verbose=False)  # picture codecs such as jpegxl
    try:
        store = (
            zarr.storage.LocalStore(path, read_only=True)
            if path.is_dir()
            else zarr.storage.ZipStore(path, mode="r")
        )
        root = zarr.open_group(store, mode="r")
    except zipfile.BadZipFile as error:
        code = "CORRUPT" if "CRC" in str(error) else "TRUNCATED"
        raise Refused(f"{name}: {error}", code=code, subject=name) from error
    except FAULTS as error:
        raise Refused(f"{name}: {error}", code="CORRUPT", subject=name) from error
    try:
        yield root
    finally:
        store.close()


def _group(listing: Listing) -> Iterator[Claim]:
    """Claim each folder that holds a buffer; what describes its arrays goes along."""
    for path in listing.kinds:
        if not path.endswith(f"{ENDS}/.zarray"):
            continue
        folder = path.removesuffix(f"{ENDS}/.zarray")
        below = [one for one in listing.kinds if one.startswith(folder)]
        told = [one for one in below if PurePosixPath(one).name in DESCRIBES]
        chunks = [one for one in below if one not in set(told) and "/" in one[len(folder) :]]
        if chunks:
            yield Claim(files=tuple(chunks), companions=tuple(told))


def _sniff(seen: Glance) -> str:
    packed = seen.head.startswith(b"PK\x03\x04") and b"meta/episode_ends/.zarray" in (
        seen.head + seen.tail
    )
    return "zarr" if packed else ""


READER = Reader(
    read=read,
    kinds=("zarr",),
    sniff=_sniff,
    group=_group,
    extra=Extra(name="zarr", module="zarr"),
)
