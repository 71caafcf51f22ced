"""Video files: counted, timed and located packet by packet, or refused with a reason."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from pipelines.readers.decode import Coding, small_frames
from tests.pipelines.readers.films import FILMS, WHOLE, X264, Film
from tests.pipelines.readers.recordings import film, picture, read_all

KINDS = {
    "a.mp4": ("libx264", "", {"bf": "2"}),
    "b.mkv": ("libx264", "", {}),
    "c.webm": ("libvpx-vp9", "", {"cpu-used": "8"}),
    "d.mov": ("mpeg4", "", {}),
    "e.avi": ("mpeg4", "", {"bf": "2"}),
    "f.avi": ("libx264", "", {"bf": "2"}),
    "g.ts": ("libx264", "mpegts", {"bf": "2"}),
    "h.mpg": ("mpeg2video", "mpeg", {"bf": "2"}),
    "i.wmv": ("wmv2", "asf", {}),
    "j.flv": ("libx264", "", {}),
    "k.gif": ("gif", "", {}),
    "l.nut": ("libx264", "nut", {}),
    "m.h264": ("libx264", "h264", {"bf": "0"}),
    "n.mjpeg": ("mjpeg", "mjpeg", {}),
    "o.m1v": ("mpeg1video", "mpeg1video", {}),
    "p.rm": ("rv10", "rm", {}),
}
CUT_UP = {"g.ts", "h.mpg", "i.wmv", "p.rm"}
WITHOUT_CLOCK = {"m.h264", "n.mjpeg", "o.m1v", "f.avi"}


@pytest.mark.parametrize("name", KINDS)
def test_every_packet_lies_where_the_index_says_and_decodes_to_the_picture_of_its_time(
    name, tmp_path
):
    codec, kind, options = KINDS[name]
    film(tmp_path / "in" / name, codec=codec, kind=kind, options=options)

    files, (episode,), stored = read_all(tmp_path / "in", tmp_path / "scratch")

    line, stream = files[name], episode.streams[0]
    assert (line.status, line.num_frames, stream.num_frames) == ("ingested", 30, 30)
    assert (stream.file_id != line.sha256) == (name in CUT_UP)
    assert (stream.clock.kind == "synthesised") == (name in WITHOUT_CLOCK)
    index, data = stream.index, stored[stream.file_id]
    units = [
        (int(pts), data[offset : offset + size])
        for pts, offset, size in zip(index.pts_ns, index.offset, index.size, strict=True)
    ]
    told = Coding(codec=stream.codec, extradata=index.extradata, width=96, height=64,
                  pixels=stream.pixels)  # fmt: skip
    times = [small.ts_ns for small in small_frames(told, units, stream.ts_ns)]
    assert times == stream.ts_ns.tolist()
    assert bool(index.key[0])
    assert episode.end_ns - episode.start_ns == pytest.approx(1.2e9, abs=4e7)


def test_packets_equal_what_the_container_gives(tmp_path):
    path = film(tmp_path / "in/a.mkv", options={"bf": "2"})

    _, (episode,), stored = read_all(tmp_path / "in", tmp_path / "scratch")

    index = episode.streams[0].index
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    data = stored[episode.files[0]]
    spans = zip(index.offset, index.size, strict=True)
    assert [data[offset : offset + size] for offset, size in spans] == packets


@pytest.mark.parametrize("name", ["h264.ts", "mpeg4.avi", "mpeg2.mpg", "h264.flv", "pcm.mov",
                                  "opus.webm"])  # fmt: skip
def test_sound_is_a_stream_of_its_own_and_every_packet_of_it_is_found_again(name, tmp_path):
    made = (FILMS | WHOLE)[name].write(tmp_path / "in" / name)

    files, (episode,), stored = read_all(tmp_path / "in", tmp_path / "scratch")

    sound = episode.streams[1]
    with av.open(str(made)) as source:
        packets: Any = source.demux(audio=0)
        found = [
            (packet.pts * packet.time_base, bytes(packet)) for packet in packets if packet.size
        ]
    assert (sound.name, sound.kind, sound.sample_rate) == ("audio", "audio", 48_000)
    assert sound.num_frames == len(found) > 30
    assert files[name].num_frames == 50
    data = stored[sound.file_id]
    spans = zip(sound.index.offset, sound.index.size, strict=True)
    assert [data[offset : offset + size] for offset, size in spans] == [one for _, one in found]
    assert sound.index.pts_ns.tolist() == [int(time * 10**9) for time, _ in found]
    assert episode.streams[0].ts_ns[0] <= files[name].duration_ns


def test_two_pictures_in_one_file_are_two_streams(tmp_path):
    (tmp_path / "in").mkdir()
    with av.open(str(tmp_path / "in/a.mkv"), "w") as container:
        streams = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for number, stream in enumerate(streams):
            stream.width, stream.height, stream.pix_fmt = 32 + 32 * number, 32, "yuv420p"
        for number, stream in enumerate(streams):
            for _ in range(5 + number):
                blank = np.zeros((32, stream.width, 3), np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(blank, format="rgb24")))
            container.mux(stream.encode())

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert [(one.name, one.width, one.num_frames) for one in episode.streams] == [
        ("video", 32, 5),
        ("video.1", 64, 6),
    ]
    assert files["a.mkv"].num_frames == 11  # of both, as in a log of two cameras


def test_an_offset_of_the_container_is_kept(tmp_path):
    film(tmp_path / "in/a.ts", kind="mpegts")

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "scratch")

    stream = episode.streams[0]
    assert stream.ts_ns[0] == stream.clock.offset_ns > 0


def test_a_late_start_is_no_damage(tmp_path):
    whole = film(tmp_path / "a.ts", kind="mpegts", frames=60, options={"g": "20", "bf": "0"})
    (tmp_path / "in").mkdir()
    (tmp_path / "in/late.ts").write_bytes(whole.read_bytes()[188 * 30 :])

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert files["late.ts"].status == "ingested"
    assert 0 < files["late.ts"].num_frames < 60
    assert len(episode.streams[0].index.offset) >= files["late.ts"].num_frames


def test_not_decoding_counts_packets(tmp_path):
    film(tmp_path / "in/a.mp4", options={"bf": "2"})

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "scratch", decode=False)

    assert files["a.mp4"].num_frames == 30
    assert bool((np.diff(episode.streams[0].ts_ns) > 0).all())


def test_a_declared_rate_times_a_raw_stream(tmp_path):
    film(tmp_path / "in/a.h264", kind="h264", options={"bf": "0"})

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "scratch", fps=10)

    assert episode.streams[0].ts_ns[:3].tolist() == [0, 100_000_000, 200_000_000]
    assert "declared" in episode.streams[0].clock.how


def test_a_film_without_its_end_is_truncated_and_says_how_much_reads(tmp_path):
    whole = film(tmp_path / "a.mkv", options={"g": "5"}).read_bytes()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/cut.mkv").write_bytes(whole[: len(whole) * 6 // 10])

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")
    kept, (partial,), _ = read_all(tmp_path / "in", tmp_path / "scratch", accept_partial=True)

    line = files["cut.mkv"]
    assert (line.status, line.reason, episodes) == ("quarantined", "TRUNCATED", [])
    assert 0 < line.num_frames < 30
    assert line.evidence["promised_bytes"] == len(whole)
    assert kept["cut.mkv"].num_frames == partial.streams[0].num_frames == line.num_frames


def test_an_mp4_without_its_index_is_truncated(tmp_path):
    whole = film(tmp_path / "a.mp4").read_bytes()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/cut.mp4").write_bytes(whole[: len(whole) // 2])

    files, _, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert files["cut.mp4"].reason == "TRUNCATED"
    assert str(tmp_path) not in str(files["cut.mp4"].evidence)


def test_a_damaged_packet_is_corrupt_and_leaves_a_gap(tmp_path):
    whole = film(tmp_path / "a.mkv", codec="mjpeg").read_bytes()
    middle = whole.index(b"\xff\xd8", len(whole) // 2)
    size = whole.index(b"\xff\xd9", middle) - middle
    (tmp_path / "in").mkdir()
    (tmp_path / "in/bad.mkv").write_bytes(whole[:middle] + bytes(size) + whole[middle + size :])

    files, _, _ = read_all(tmp_path / "in", tmp_path / "scratch")
    _, (partial,), _ = read_all(tmp_path / "in", tmp_path / "scratch", accept_partial=True)

    assert files["bad.mkv"].reason == "CORRUPT"
    assert files["bad.mkv"].num_frames == 29
    assert len(partial.gaps) == 1
    assert partial.gaps[0][1] - partial.gaps[0][0] == 80_000_000


def test_only_sound_is_no_stream(tmp_path):
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=8000, layout="mono")
        quiet = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), "fltp", "mono")
        quiet.sample_rate = 8000
        container.mux(sound.encode(quiet))
        container.mux(sound.encode())
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.mp4").write_bytes(sink.getvalue())

    files, _, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert files["a.mp4"].reason == "NO_STREAM"


def test_pictures_that_an_edit_list_hides_are_not_counted(tmp_path):
    whole = film(tmp_path / "a.mp4", frames=40, options={"g": "10", "bf": "2"})
    (tmp_path / "in").mkdir()
    target = str(tmp_path / "in/edit.mp4")
    with av.open(str(whole)) as source, av.open(target, "w") as sink:
        stream: Any = source.streams.video[0]
        out = sink.add_stream_from_template(stream)
        early = int(6 / 25 / stream.time_base)
        packets: Any = source.demux(stream)
        for packet in packets:
            if packet.size:
                packet.pts, packet.dts = packet.pts - early, packet.dts - early
                packet.stream = out
                sink.mux_one(packet)

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert files["edit.mp4"].num_frames == 34
    assert len(episode.streams[0].index.offset) == 40
    assert set(episode.streams[0].ts_ns) < set(episode.streams[0].index.pts_ns)


def test_uneven_pictures_keep_their_own_times(tmp_path):
    (tmp_path / "in").mkdir()
    with av.open(str(tmp_path / "in/a.mkv"), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuvj420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for number, time in enumerate((0, 17, 50, 150)):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert episode.streams[0].ts_ns.tolist() == [0, 17_000_000, 50_000_000, 150_000_000]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (struct.pack(">I4s8s", 16, b"ftyp", b"isom"), "TRUNCATED"),
        (b"".join(struct.pack(">I4s", 8 * (99 - n), b"moov") for n in range(99)), "UNSAFE_CONTENT"),
        (b"RIFF\x10\x00\x00\x00AVI " + bytes(80), "NOT_THE_FORMAT"),
    ],
)
def test_containers_with_nothing_behind_their_mark_are_refused(data, reason, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.bin").write_bytes(data)

    files, _, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert files["a.bin"].reason == reason


@pytest.mark.parametrize("kind", ["mp4", "matroska", "mpegts"])
def test_a_pause_is_not_how_long_the_last_picture_lasts(kind, tmp_path):
    film = Film(
        container=kind, codec="libx264", options=X264, frames=20, step_ms=(*[40] * 10, 20_000)
    )
    film.write(tmp_path / "in/a.film")

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    lasts = int(episode.streams[0].ts_ns[-1] - episode.streams[0].ts_ns[0]) + 40_000_000
    assert files["a.film"].duration_ns == pytest.approx(lasts, abs=1_000)
