"""The index of an mp4 or mov: what damage leaves in it is found, and what writers do is taken."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipelines.readers.containers.boxes import boxes_fault
from pipelines.readers.containers.fault import Fault
from pipelines.readers.damage import damage, walk_whole
from pipelines.readers.reading import Refused
from pipelines.readers.walked import Seen
from pipelines.records import Found
from tests.pipelines.readers.films import X264, Film

FRAMES = 20
SMALL = {
    "h264.mp4": Film(container="mp4", codec="libx264", options=X264 | {"bf": "0"}, frames=FRAMES),
    "png.mov": Film(container="mov", codec="png", pixels="rgb24", frames=FRAMES),
    "sound.mp4": Film(container="mp4", codec="mpeg4", frames=FRAMES, sound="aac"),
}
EVERY = 7  # of the bytes, in the short run


def seen_in(path: Path) -> Seen | None:
    """Read the picture of a film; None where it is refused."""
    found = Found(path=path.name, sha256="x", size_bytes=path.stat().st_size)
    try:
        walked, fault = walk_whole(path, found, decode=True)
    except Refused:
        return None
    harmed = fault or walked.ended or any(damage(one) for one in walked.pictures)
    return None if harmed else walked.pictures[0]


def span_of(data: bytes, kind: bytes) -> tuple[int, int]:
    """Return where a box begins and ends."""
    at = data.index(kind) - 4
    return at, at + int.from_bytes(data[at : at + 4], "big")


def lasts(seen: Seen) -> int:
    """How long the pictures last, as their packets say."""
    times = [time for time in seen.pts if time is not None]
    return max(times) - min(times)


def flips(film: Film, path: Path, *, first: int, every: int) -> Iterator[tuple[int, Seen | None]]:
    """Change one bit of a byte of the index at a time, and read the film."""
    data = film.write(path).read_bytes()
    start, end = span_of(data, b"moov")
    described, begins = range(*span_of(data, b"stsd")), data.index(b"elst") + 16
    untold = {*described, *range(begins, begins + 4)}
    bits = np.random.default_rng(5).integers(0, 8, len(data))
    for at in sorted(set(range(start + first, end, every)) - untold):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << int(bits[at])]) + data[at + 1 :])
        yield at - start, seen_in(path)


@pytest.mark.parametrize("name", SMALL)
def test_a_flipped_byte_of_the_index_hides_no_picture(name, tmp_path):
    hides_nothing(name, tmp_path, first=0, every=EVERY)


@pytest.mark.soak
@pytest.mark.parametrize("first", range(EVERY))
@pytest.mark.parametrize("name", SMALL)
def test_no_flipped_byte_of_the_index_hides_a_picture(name, first, tmp_path):
    hides_nothing(name, tmp_path, first=first, every=EVERY)


def hides_nothing(name: str, folder: Path, *, first: int, every: int) -> None:
    """Hold every flip to the law: all pictures, and about the time that they lasted, or refused.

    Of two places nothing else tells: where an edit begins, and what the decoder is set to.
    """
    whole = seen_in(SMALL[name].write(folder / name))
    assert whole is not None
    wrong = {
        at: (seen.num_frames, lasts(seen))
        for at, seen in flips(SMALL[name], folder / name, first=first, every=every)
        if seen and (seen.num_frames != FRAMES or abs(lasts(seen) - lasts(whole)) > 40_000_000)
    }

    assert wrong == {}


def harmed(
    path: Path, film: Film, kind: bytes, change: Callable[[bytearray, int], object]
) -> Fault:
    """Write a film, change what is behind the name of a box, and return what is wrong with it."""
    data = bytearray(film.write(path).read_bytes())
    change(data, data.rindex(kind) + 4)
    path.write_bytes(data)
    with path.open("rb") as file:
        fault = boxes_fault(file)
    assert fault is not None
    return fault


def put(at: int, form: str, number: int) -> Callable[[bytearray, int], object]:
    """Return what writes a number behind the name of a box."""
    return lambda data, start: struct.pack_into(form, data, start + at, number)


PICTURES = Film(container="mp4", codec="libx264", options=X264, frames=20)


@pytest.mark.parametrize(
    ("kind", "change", "what"),
    [
        (b"stts", put(8, ">I", 19), "times of 19 samples, sizes of 20"),
        (b"stts", put(12, ">I", 5_120), "mdhd of"),
        (b"ctts", put(4, ">I", 200), "ctts counts 200"),
        (b"ctts", put(12 + 8 * 9, ">I", 1_025), "of even steps"),
        (b"stsc", put(12, ">I", 19), "chunks of 19 samples"),
        (b"stsc", put(16, ">I", 2), "description 2 of 1"),
        (b"stsz", put(12 + 4 * 6, ">I", 9_999_999), "stsz names byte"),
        (b"mdhd", put(12, ">I", 12_800 + 65_536), "edits to"),
        (b"mdhd", put(12, ">I", 0), "no ticks a second"),
        (b"mvhd", put(12, ">I", 1_000 + 65_536), "1000 ticks a second of the movie would fit"),
        (b"elst", put(8, ">I", 800 - 256), "ticks, where the track has 800"),
        (b"mdhd", lambda data, at: data.__setitem__(at - 1, ord("e")), "a box named b'mdhe'"),
        (
            b"hdlr",
            lambda data, _: data.__setitem__(data.index(b"hdlr"), 113),
            "a box named b'qdlr'",
        ),
        (b"ctts", lambda data, at: data.__setitem__(at - 4, ord("s")), "a second stts"),
        (b"tkhd", put(40, ">I", 0), "turns pictures"),
    ],
)
def test_tables_that_disagree_are_damage(tmp_path, kind, change, what):
    fault = harmed(tmp_path / "a.mp4", PICTURES, kind, change)

    assert fault.code == "CORRUPT"
    assert what in fault.evidence["found"]


def test_a_sound_packet_too_large_reaches_into_the_next_chunk(tmp_path):
    film = Film(container="mp4", codec="libx264", options=X264, frames=50, sound="aac")

    fault = harmed(tmp_path / "a.mp4", film, b"stsz", put(12 + 4 * 10, ">I", 6_000))

    assert "and one in it" in fault.evidence["found"]


@pytest.mark.parametrize(
    ("kind", "change", "what"),
    [
        (b"tfhd", put(4, ">I", 9), "a fragment of track 9"),
        (b"trun", put(4, ">I", 3), "a run of 3 samples"),
        (b"tfdt", put(4, ">Q", 512), "the one before it ends at"),
        (b"traf", lambda data, at: data.__setitem__(at - 1, ord("g")), "a box named b'trag'"),
        (b"moof", lambda data, at: data.__setitem__(at - 1, ord("g")), "a box named b'moog'"),
    ],
)
def test_a_head_of_a_fragment_that_disagrees_is_damage(tmp_path, kind, change, what):
    film = Film(
        container="mp4",
        codec="libx264",
        options=X264,
        mux={"movflags": "frag_keyframe+empty_moov+default_base_moof"},
    )

    assert what in harmed(tmp_path / "a.mp4", film, kind, change).evidence["found"]


def edited(data: bytearray, ticks: int, first: int) -> bytearray:
    """Let the only edit show so many ticks of the movie from that tick of the media on."""
    struct.pack_into(">II", data, data.index(b"elst") + 12, ticks, first)
    return data


@pytest.mark.parametrize(
    ("ticks", "first"), [(400, 5_120), (300, 5_120), (300, 0), (800, 0), (810, 0)]
)
def test_an_edit_that_shows_a_part_is_legal(tmp_path, ticks, first):
    """Also one that was written by hand, where track and movie tell another duration."""
    film = Film(container="mp4", codec="mpeg4", frames=20)
    path = film.write(tmp_path / "a.mp4")
    path.write_bytes(edited(bytearray(path.read_bytes()), ticks, first))

    with path.open("rb") as file:
        assert boxes_fault(file) is None


LEGAL = {
    "uneven": Film(container="mp4", codec="libx264", options=X264, step_ms=(17, 400, 33)),
    "pause": Film(
        container="mp4", codec="libx264", options=X264, frames=20, step_ms=(*[40] * 10, 20_000)
    ),
    "no edits": Film(container="mp4", codec="libx264", options=X264, mux={"use_editlist": "0"}),
    "slow": Film(container="mp4", codec="libx264", frames=5, rate=Fraction(1, 4)),
    "one": Film(container="mov", codec="libx264", frames=1),
    "raw": Film(container="mov", codec="rawvideo", pixels="rgb24", frames=5, sound="pcm_s16le"),
    "coarse": Film(container="mp4", codec="libx264", options=X264, mux={"movie_timescale": "24"}),
    "held back": Film(container="mp4", codec="libx264", options={"bf": "16", "b_strategy": "0"}),
    "whole and in fragments": Film(
        container="mp4", codec="libx264", options=X264, mux={"movflags": "hybrid_fragmented"}
    ),
    "begins with its index": Film(
        container="mp4", codec="libx264", options=X264, mux={"movflags": "faststart"}, sound="aac"
    ),
    "late in terms of its first": Film(
        container="mp4", codec="libx264", options=X264, mux={"movflags": "negative_cts_offsets"}
    ),
}


@pytest.mark.parametrize("name", LEGAL)
def test_what_writers_do_is_no_damage(tmp_path, name):
    path = LEGAL[name].write(tmp_path / "a.film")

    with path.open("rb") as file:
        assert boxes_fault(file) is None
    assert seen_in(path) is not None
