"""Pictures of a clip come out as a sequential decoder sees them, in self-contained GOPs."""

from __future__ import annotations

import hashlib
import io
from fractions import Fraction

import av
import numpy as np
import pytest

from pipelines.errors import ExportError
from pipelines.film import Coding, VideoTrack
from pipelines.render import RenderSpec, encode, encoder_build, render_pictures, render_windows

SPEC = RenderSpec(width=64, height=48, fps=10)
FPS = 25


def make_video(num_frames=60, *, codec="libx264", options=None, container="mp4"):
    """A film whose picture k is told from its neighbours by a bright bar and its brightness."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as out:
        stream = out.add_stream(codec, rate=FPS, options=options or {})
        stream.width, stream.height, stream.pix_fmt = (
            128,
            96,
            "yuvj420p" if codec == "mjpeg" else "yuv420p",
        )
        stream.thread_count = 1
        for number in range(num_frames):
            picture = np.full((96, 128, 3), 20 + 3 * number, dtype=np.uint8)
            picture[:, 2 * number : 2 * number + 8] = (250, 30, 30)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return target.getvalue()


def index_of(raw, name="video"):
    """The packet index that a reader makes of a video file."""
    with av.open(io.BytesIO(raw), "r") as source:
        stream = source.streams.video[0]
        packets = [one for one in source.demux(stream) if one.size]
        pts_ns = np.array(
            [int((one.pts or 0) * (one.time_base or 0) * 1_000_000_000) for one in packets]
        )
        return VideoTrack(
            name=name,
            file_id="f" * 64,
            coding=Coding(codec=stream.codec_context.name, width=128, height=96),
            extradata=stream.codec_context.extradata or b"",
            ts_ns=np.sort(pts_ns),
            offset=np.array([one.pos for one in packets]),
            size=np.array([one.size for one in packets]),
            key=np.array([one.is_keyframe for one in packets]),
            pts_ns=pts_ns,
        )


def sequential(raw, spec=SPEC):
    with av.open(io.BytesIO(raw), "r") as source:
        source.streams.video[0].thread_count = 1
        return [
            one.reformat(
                spec.width, spec.height, "yuv420p", interpolation="AREA", threads=1
            ).to_ndarray()
            for one in source.decode(video=0)
        ]


def pixels_alone(pictures, spec):
    """What an encoder makes of nothing but the pixels of `pictures`."""
    return encode([av.VideoFrame.from_ndarray(one, format="yuv420p") for one in pictures], spec)


def reader_of(raw, seen=None):
    def read(_file_id, offset, length):
        if seen is not None:
            seen.append((offset, length))
        return raw[offset : offset + length]

    return read


def decode_units(row, first=0, last=None):
    codec = av.CodecContext.create("h264", "r")
    codec.thread_count = 1
    frames = []
    last = len(row["unit_offset"]) if last is None else last
    for number in range(first, last):
        start = row["unit_offset"][number]
        frames += codec.decode(av.Packet(row["media"][start : start + row["unit_size"][number]]))
    return [one.to_ndarray() for one in frames + codec.decode(None)]


@pytest.mark.parametrize(
    "options", [{"g": "12", "bf": "3"}, {"g": "250"}, {"g": "1"}, {"g": "10", "bf": "2"}]
)
def test_pictures_equal_those_of_a_sequential_decoder(options):
    raw = make_video(options=options)
    shown = [7, 9, 12, 14, 17, 19, 22]
    times = np.array([number * 40_000_000 for number in shown])
    row = render_pictures(index_of(raw), times, spec=SPEC, read=reader_of(raw))
    all_pictures = sequential(raw)
    assert row["media"] == b"".join(
        unit for unit, _ in pixels_alone([all_pictures[number] for number in shown], SPEC)
    )


def test_same_input_gives_the_same_bytes():
    raw = make_video()
    times = np.arange(20) * 100_000_000
    rows = [render_pictures(index_of(raw), times, spec=SPEC, read=reader_of(raw)) for _ in "ab"]
    assert rows[0] == rows[1]


def test_other_work_in_between_leaves_the_bytes_as_they_are():
    raw, spec = make_video(60), RenderSpec(width=32, height=32)
    small = sequential(raw, spec)[:20]
    found = {
        tuple(pixels_alone(small, spec)) for _ in range(25) if make_video(20) and sequential(raw)
    }
    assert len(found) == 1


def test_each_gop_decodes_alone_and_carries_its_digest():
    raw = make_video(60)
    row = render_pictures(index_of(raw), np.arange(40) * 50_000_000, spec=SPEC, read=reader_of(raw))
    keys = [number for number, key in enumerate(row["unit_key"]) if key]
    assert keys == [0, 16, 32]
    whole = decode_units(row)
    assert len(whole) == 40
    for first, last, digest in zip(keys, [*keys[1:], 40], row["gop_sha256"], strict=True):
        alone = decode_units(row, first, last)
        assert all(np.array_equal(one, two) for one, two in zip(alone, whole[first:], strict=False))
        start = row["unit_offset"][first]
        end = row["unit_offset"][last] if last < 40 else len(row["media"])
        assert hashlib.sha256(row["media"][start:end]).hexdigest() == digest
    assert hashlib.sha256(row["media"]).hexdigest() == row["media_sha256"]
    assert sum(row["unit_size"]) == len(row["media"])


def test_a_late_clip_reads_from_its_key_frame_only():
    raw = make_video(60, options={"g": "10", "bf": "0", "sc_threshold": "0"})
    track = index_of(raw)
    seen: list[tuple[int, int]] = []
    render_pictures(track, np.array([44, 46]) * 40_000_000, spec=SPEC, read=reader_of(raw, seen))
    assert len(seen) == 1
    assert seen[0][0] == track.offset[40]
    assert seen[0][1] < int(track.size[40:48].sum())


def test_time_before_the_first_picture_shows_the_first_and_after_the_last_the_last():
    raw = make_video(10)
    track = index_of(raw)
    row = render_pictures(track, np.array([-5, 10**12]), spec=SPEC, read=reader_of(raw))
    pictures = sequential(raw)
    assert row["media"] == b"".join(
        unit for unit, _ in pixels_alone([pictures[0], pictures[9]], SPEC)
    )


def test_motion_jpeg_track_renders():
    raw = make_video(12, codec="mjpeg", container="matroska")
    row = render_pictures(index_of(raw), np.arange(4) * 100_000_000, spec=SPEC, read=reader_of(raw))
    assert len(decode_units(row)) == 4


def test_damaged_packets_are_refused_by_name():
    raw = make_video(30, options={"g": "5", "bf": "0"})
    track = index_of(raw)

    def read(_file_id, _offset, length):
        return b"\xff" * length

    with pytest.raises(ExportError, match="cannot be decoded") as caught:
        render_pictures(track, np.arange(5) * 100_000_000, spec=SPEC, read=read)
    assert caught.value.code == "RENDER_FAILED"


@pytest.mark.parametrize("size", [(60, 64), (64, 8), (0, 0)])
def test_sizes_that_encode_differently_are_refused(size):
    with pytest.raises(ExportError, match="multiples of 16"):
        RenderSpec(width=size[0], height=size[1])


def test_rate_must_be_positive():
    with pytest.raises(ExportError, match="expected at least 1"):
        RenderSpec(fps=0)


def test_manifest_names_the_encoder_build():
    assert encoder_build().startswith("x264 - core ")
    assert RenderSpec().doc()["encoder"] == encoder_build()


@pytest.mark.parametrize("options", [{"g": "250"}, {"g": "12", "bf": "3"}, {"g": "10", "bf": "0"}])
@pytest.mark.parametrize("step", [3, 8, 20])
def test_windows_in_the_order_of_time_are_decoded_once_and_come_out_as_alone(options, step):
    raw = make_video(60, options=options)
    track = index_of(raw)
    seen: list[tuple[int, int]] = []
    clocks = [np.arange(at, at + 8) * 40_000_000 for at in range(0, 52, step)]  # overlap, meet, gap
    rows = list(render_windows(track, clocks, spec=SPEC, read=reader_of(raw, seen)))
    for row, clock in zip(rows, clocks, strict=True):
        assert row == render_pictures(track, clock, spec=SPEC, read=reader_of(raw))
    taken = sum(length for _, length in seen)
    assert taken <= len(raw)
    assert len({offset for offset, _ in seen}) == len(seen)


def test_windows_that_step_back_come_out_too():
    raw = make_video(60, options={"g": "12", "bf": "2"})
    clocks = [np.arange(at, at + 4) * 40_000_000 for at in (40, 4, 50, 0)]
    rows = list(render_windows(index_of(raw), clocks, spec=SPEC, read=reader_of(raw)))
    for row, clock in zip(rows, clocks, strict=True):
        assert row == render_pictures(index_of(raw), clock, spec=SPEC, read=reader_of(raw))


def test_a_damaged_window_stands_alone():
    raw = make_video(60, options={"g": "10", "bf": "0", "sc_threshold": "0"})
    track = index_of(raw)
    first, last = int(track.offset[20]), int(track.offset[30])

    def read(_file_id, offset, length):
        kept = bytearray(raw[offset : offset + length])
        for at in range(max(first, offset), min(last, offset + length)):
            kept[at - offset] = 0xFF
        return bytes(kept)

    clocks = [np.arange(at, at + 10) * 40_000_000 for at in range(0, 60, 10)]
    rows = list(render_windows(track, clocks, spec=SPEC, read=read))
    broken = [number for number, one in enumerate(rows) if isinstance(one, ExportError)]
    assert broken == [2]
    for number in (0, 1, 3, 4, 5):
        alone = render_pictures(track, clocks[number], spec=SPEC, read=reader_of(raw))
        assert rows[number] == alone


def harmed(raw, track, packet, harm):
    """A reader of the film with one packet changed."""
    start, size = int(track.offset[packet]), int(track.size[packet])
    data = bytearray(raw)
    data[start : start + size] = harm(data[start : start + size])
    return reader_of(bytes(data))


def flipped(at, bit=0):
    def harm(data):
        data[at % len(data)] ^= 1 << bit
        return data

    return harm


def emptied(data):
    """The packet as filler that holds no picture, as after a loss on the way."""
    return (len(data) - 4).to_bytes(4, "big") + b"\x0c" + b"\xff" * (len(data) - 6) + b"\x80"


def test_pictures_over_which_the_decoder_painted_are_refused():
    raw = make_video(60, options={"g": "12", "bf": "2", "sc_threshold": "0"})
    track = index_of(raw)
    clocks = [np.arange(at, at + 6) * 40_000_000 for at in range(0, 60, 6)]
    whole = list(render_windows(track, clocks, spec=SPEC, read=reader_of(raw)))
    wrong = unsaid = 0
    for number in range(40):
        packet = 37 * number % len(track.size)
        read = harmed(raw, track, packet, flipped(5 + 53 * number, number % 8))
        told = list(render_windows(track, clocks, spec=SPEC, read=read))
        codes = {one.code for one in told if isinstance(one, ExportError)}
        assert codes <= {"RENDER_FAILED"}
        others = [one != own for one, own in zip(told, whole, strict=True)]
        wrong += any(others)
        unsaid += any(others) and not codes
    assert wrong > 20
    assert unsaid <= wrong // 8, f"{unsaid} of {wrong} changed packets gave other pictures, unsaid"


@pytest.mark.parametrize("bf", ["0", "2"])
def test_what_builds_on_a_lost_picture_is_refused_up_to_the_next_key_picture(bf):
    raw = make_video(60, options={"g": "12", "bf": bf, "sc_threshold": "0"})
    track = index_of(raw)
    packet = next(at for at in range(14, 24) if track.pts_ns[at] > track.pts_ns[at - 1])
    read = harmed(raw, track, packet, emptied)
    alone = [np.array([at * 40_000_000]) for at in range(60)]
    told = list(render_windows(track, alone, spec=SPEC, read=read))
    refused = {number for number, one in enumerate(told) if isinstance(one, ExportError)}
    assert {int(one) // 40_000_000 for one in track.pts_ns[packet:24]} <= refused
    assert refused <= set(range(13, 24))
    for number, one in enumerate(told):
        if number not in refused:
            assert one == render_pictures(track, alone[number], spec=SPEC, read=reader_of(raw))


def test_a_damaged_picture_spoils_those_shown_before_it_that_build_on_it():
    raw = make_video(30, options={"g": "30", "bf": "3", "b-adapt": "0", "sc_threshold": "0"})
    track = index_of(raw)
    ahead = next(at for at in range(8, 30) if track.pts_ns[at + 1] < track.pts_ns[at])
    between = np.array([int(track.pts_ns[ahead + 1])])
    read = harmed(raw, track, ahead, flipped(26))
    with pytest.raises(ExportError, match="painted over damage at"):
        render_pictures(track, between, spec=SPEC, read=read)


def test_a_window_that_begins_before_the_decoder_did_gets_its_own():
    raw = make_video(60, options={"g": "12", "bf": "0", "sc_threshold": "0"})
    track = index_of(raw)
    clocks = [np.array(one) * 40_000_000 for one in ([30, 34], [20, 40], [5, 45], [44, 46])]
    rows = list(render_windows(track, clocks, spec=SPEC, read=reader_of(raw)))
    for row, clock in zip(rows, clocks, strict=True):
        assert row == render_pictures(track, clock, spec=SPEC, read=reader_of(raw))
