"""Films of every container and codec: whole ones are taken as they are, damaged ones are not.

In a stream without checksums, a changed byte may decode to another picture without any trace. No
reader can tell; so the law for those is that pictures and times are all there.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest

from pipelines.readers.damage import damage
from pipelines.readers.walked import Seen
from tests.pipelines.readers.films import DAMAGE, FILMS, SHORT_GOP, WHOLE, X264, X265, Film, decoded
from tests.pipelines.readers.recordings import film, planned, read_all, whole

USUAL = (
    *("h264.mp4", "fragments.mp4", "png.mov", "h264.mkv", "vp8.webm", "h264.ts", "mpeg4.avi"),
    *("mpeg2.mpg", "vp8.ogg", "h264.flv", "gif.gif", "apng.png", "wmv2.wmv", "h264.h264"),
    *("vp9.ivf", "raw.y4m", "mpeg2.mxf", "rv10.rm", "mpeg4.nut", "flv1.swf"),
)
SUMMED = {".mkv", ".ogg", ".png"}  # containers that carry checksums of all they hold
ENDLESS = {".mpg", ".h264", ".h265", ".m2v", ".mjpeg", ".ts"}  # may end anywhere


def taken(folder: Path, scratch: Path):
    """Read the only file of a folder."""
    scratch.mkdir(exist_ok=True)
    plan = planned(folder)
    results = [whole(folder, group, scratch) for group in plan.groups]
    lines = [*plan.files, *(line for each in results for line in each.files)]
    assert len(lines) == 1
    return lines[0], [episode for each in results for episode in each.episodes]


def held(name: str, what: str, tmp_path: Path, *, seed: int) -> None:
    """Damage a film and hold the outcome to the law."""
    made = FILMS[name].write(tmp_path / name)
    data, before = made.read_bytes(), decoded(made)
    (tmp_path / "in").mkdir(exist_ok=True)
    bad = tmp_path / "in" / name
    bad.write_bytes(DAMAGE[what](data, seed))

    line, episodes = taken(tmp_path / "in", tmp_path / "s")

    if line.status != "ingested":
        assert line.reason in {"TRUNCATED", "CORRUPT"}, line.evidence
        assert line.reason == "TRUNCATED" or not what.startswith("cut"), line.evidence
        return
    (stream, *_) = episodes[0].streams
    after = decoded(bad)
    if what == "tail" or made.suffix in SUMMED:
        assert after == before
    if what.startswith("cut"):
        assert made.suffix in ENDLESS
    elif made.suffix not in ENDLESS:
        assert stream.num_frames == len(before)
        assert [time for time, _ in after] == [time for time, _ in before]


@pytest.mark.parametrize("name", FILMS)
def test_a_whole_film_is_taken_with_all_its_pictures(name, tmp_path):
    made = FILMS[name].write(tmp_path / "in" / name)

    line, (episode,) = taken(tmp_path / "in", tmp_path / "s")

    assert line.status == "ingested"
    assert line.num_frames == len(decoded(made)) == FILMS[name].frames
    assert line.duration_ns == pytest.approx(2e9, abs=6e7)
    assert episode.notes == ()


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_unusual_is_no_damage(name, tmp_path):
    made = WHOLE[name].write(tmp_path / "in" / name)

    line, (episode,) = taken(tmp_path / "in", tmp_path / "s")

    assert (line.status, line.num_frames) == ("ingested", len(decoded(made)))
    assert episode.gaps == ()
    frames, rate = WHOLE[name].frames, WHOLE[name].rate
    if not WHOLE[name].step_ms:
        assert line.duration_ns == pytest.approx(float(frames / rate) * 1e9, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("what", DAMAGE)
@pytest.mark.parametrize("name", USUAL)
def test_a_damaged_film_is_refused_or_as_good_as_whole(name, what, tmp_path):
    held(name, what, tmp_path, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 8))
@pytest.mark.parametrize("what", DAMAGE)
@pytest.mark.parametrize("name", FILMS)
def test_any_damaged_film_is_refused_or_as_good_as_whole(name, what, seed, tmp_path):
    held(name, what, tmp_path, seed=seed)


def test_flipped_bytes_in_matroska_do_not_cost_pictures_in_silence(tmp_path):
    made = Film(container="matroska", codec="libvpx", options={"g": "12"}).write(tmp_path / "a.mkv")
    data = bytearray(made.read_bytes())
    at = data.index(b"\x1f\x43\xb6\x75", len(data) // 2)  # the mark of a cluster
    data[at] ^= 1
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.mkv").write_bytes(data)

    line, _ = taken(tmp_path / "in", tmp_path / "s")

    assert len(decoded(tmp_path / "in/a.mkv")) < 50
    assert (line.reason, line.evidence["offset"]) == ("CORRUPT", at)


@pytest.mark.parametrize(
    ("mark", "behind", "why"),
    [
        (b"\x75\xa1", 1, "element 0x75"),  # what is added to a block: its transparency
        (b"\xa6", 0, "in element 0x75a1"),
        (b"\xee\x81", 0, "in element 0xa6"),
        (b"\x81\x00", 0, "of track 0, which is none"),
        (b"\x81\x00", 3, "of several frames"),
    ],
)
def test_a_block_that_a_demuxer_stumbles_over_is_named(tmp_path, mark, behind, why):
    """FFmpeg ends there without a word: half of the pictures are gone."""

    def harm(data: bytearray) -> bytearray:
        block = data.index(b"\xa0", data.index(b"\x1f\x43\xb6\x75") + 2_000)
        while data[block + 3] != 0xA1 or b"\x75\xa1" not in data[block : block + 2_000]:
            block = data.index(b"\xa0", block + 1)
        after = block + 3 if mark == b"\x81\x00" else data.index(b"\x75\xa1", block)
        at = data.index(mark, after) + behind
        data[at] ^= 0x01 if behind < 3 else 0x02
        return data

    line = harmed(tmp_path, "alpha.webm", harm)

    assert line.reason == "CORRUPT"
    assert why in str(line.evidence)


def harmed(tmp_path: Path, name: str, harm: Callable[[bytearray], bytearray]):
    """Make a film, damage it, read it."""
    made = FILMS[name].write(tmp_path / name)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(harm(bytearray(made.read_bytes())))
    return taken(tmp_path / "in", tmp_path / "s")[0]


@pytest.mark.parametrize("how", ["a head", "the rest", "its number"])
def test_a_film_in_fragments_that_lost_some_is_damaged(how, tmp_path):
    def harm(data: bytearray) -> bytearray:
        at = data.index(b"moof", len(data) // 2) - 4
        if how == "its number":
            data[at + 8 : at + 16] = bytes(range(200, 208))
            return data
        size = 700 if how == "a head" else len(data) - at
        return data[:at] + bytes(size) + data[at + size :]

    line = harmed(tmp_path, "fragments.mp4", harm)

    assert len(decoded(tmp_path / "in/fragments.mp4")) < 50
    assert line.reason == "CORRUPT"


def test_a_picture_that_its_index_places_behind_the_end_is_damage(tmp_path):
    def harm(data: bytearray) -> bytearray:
        at = data.index(b"stsz") + 16 + 4 * 45
        data[at] = 0xFF
        return data

    line = harmed(tmp_path, "mpeg4.mp4", harm)

    assert len(decoded(tmp_path / "in/mpeg4.mp4")) < 50
    assert line.reason == "CORRUPT"
    assert "stsz" in line.evidence["found"]


@pytest.mark.parametrize("bit", range(16))
def test_an_flv_whose_tag_of_a_picture_changed_its_head_is_damaged(bit, tmp_path):
    def harm(data: bytearray) -> bytearray:
        at = int.from_bytes(data[5:9], "big") + 4
        while at < len(data) // 2 or data[at] != 9:
            at += 11 + int.from_bytes(data[at + 1 : at + 4], "big") + 4
        data[at + 11 + bit // 8] ^= 1 << bit % 8
        return data

    line = harmed(tmp_path, "h264.flv", harm)

    assert line.status == "quarantined" or len(decoded(tmp_path / "in/h264.flv")) == 50


def test_an_index_of_an_avi_that_points_elsewhere_is_damage(tmp_path):
    def harm(data: bytearray) -> bytearray:
        entry = data.index(b"00dc", data.rindex(b"idx1") + 16 * 60)
        data[entry + 11] ^= 1  # of its place
        return data

    line = harmed(tmp_path, "mpeg4.avi", harm)

    assert line.reason == "CORRUPT"
    assert "of the index" in line.evidence["found"]


@pytest.mark.parametrize("byte", range(12))
def test_an_avi_whose_first_bytes_changed_is_no_raw_stream(byte, tmp_path):
    def harm(data: bytearray) -> bytearray:
        data[byte] ^= 8
        return data

    assert harmed(tmp_path, "mjpeg.avi", harm).status != "ingested"


def test_a_picture_whose_time_alone_is_hours_away_is_damage(tmp_path):
    def harm(data: bytearray) -> bytearray:
        at = int.from_bytes(data[5:9], "big") + 4
        while at < len(data) // 2 or data[at] != 9:
            at += 11 + int.from_bytes(data[at + 1 : at + 4], "big") + 4
        data[at + 7] ^= 1  # milliseconds, 2 ** 24 of them
        return data

    line = harmed(tmp_path, "h264.flv", harm)

    assert line.reason == "CORRUPT"
    assert "time_ns" in line.evidence


@pytest.mark.parametrize(("at", "what"), [(4, "ticks late"), (8, "times of")])
def test_a_time_of_an_mp4_far_from_the_others_is_damage(at, what, tmp_path):
    def harm(data: bytearray) -> bytearray:
        data[data.index(b"ctts") + 4 + at + 8 * 20] ^= 4
        return data

    line = harmed(tmp_path, "h264.mp4", harm)

    assert line.reason == "CORRUPT"
    assert what in line.evidence["found"]


@pytest.mark.parametrize("box", [b"mvhd", b"tkhd", b"mdhd"])
def test_a_head_of_an_mp4_too_short_for_its_version_is_damage(box, tmp_path):
    def harm(data: bytearray) -> bytearray:
        data[data.rindex(box) + 4] ^= 1
        return data

    line = harmed(tmp_path, "mpeg4.mp4", harm)

    assert line.reason == "CORRUPT"


def test_a_unit_of_a_transport_stream_without_its_head_is_damage(tmp_path):
    def harm(data: bytearray) -> bytearray:
        at = data.index(b"\x00\x00\x01\xe0", len(data) // 2)
        data[at + 2] ^= 2
        return data

    line = harmed(tmp_path, "h264.ts", harm)

    assert len(decoded(tmp_path / "in/h264.ts")) < 50
    assert line.reason == "CORRUPT"


def test_a_picture_of_a_film_that_a_swf_does_not_define_is_damage(tmp_path):
    def harm(data: bytearray) -> bytearray:
        at = data.index(b"\x7f\x0f", len(data) // 2)
        data[at + 6] ^= 4
        return data

    line = harmed(tmp_path, "flv1.swf", harm)

    assert line.reason == "CORRUPT"


def test_zeros_for_the_second_half_of_an_flv_are_no_room_set_aside(tmp_path):
    line = harmed(tmp_path, "h264.flv", lambda data: data[: len(data) // 2] + bytes(len(data) // 2))

    assert line.status == "quarantined"


def test_zeros_behind_the_last_tag_of_an_flv_are_room_set_aside(tmp_path):
    line = harmed(tmp_path, "h264.flv", lambda data: data + bytes(5_000))

    assert (line.status, line.num_frames) == ("ingested", 50)


@pytest.mark.parametrize("name", ["h264.h264", "mpeg2.m2v"])
def test_a_raw_stream_that_ends_in_its_first_picture_is_damaged(name, tmp_path):
    line = harmed(tmp_path, name, lambda data: data[:1_500])

    assert line.status == "quarantined"


@pytest.mark.parametrize("off", [1, 100, 187])
def test_a_transport_stream_that_ends_inside_a_packet_is_truncated(off, tmp_path):
    data = FILMS["mpeg2.ts"].write(tmp_path / "a.ts").read_bytes()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.ts").write_bytes(data[: 188 * 100 + off])

    line, _ = taken(tmp_path / "in", tmp_path / "s")

    assert line.reason == "TRUNCATED"
    assert line.evidence["packets"] == 100


def test_a_transport_stream_that_lacks_a_packet_is_corrupt(tmp_path):
    data = FILMS["mpeg2.ts"].write(tmp_path / "a.ts").read_bytes()
    (tmp_path / "in").mkdir()
    middle = next(
        at
        for at in range(188 * 60, len(data), 188)
        if data[at + 1] & 0x5F == 1 and data[at + 2] == 0
    )
    (tmp_path / "in/a.ts").write_bytes(data[: middle - 188] + data[middle:])

    line, _ = taken(tmp_path / "in", tmp_path / "s")

    assert line.reason == "CORRUPT"
    assert "missing packet" in line.evidence["found"]


def test_a_transport_stream_that_lacks_the_end_of_a_picture_is_corrupt(tmp_path):
    """A decoder of H.265 paints over what is missing and says nothing."""
    made = Film(container="mpegts", codec="libx265", options=X265).write(tmp_path / "a.ts")
    data = made.read_bytes()
    (tmp_path / "in").mkdir()
    kinds = [(data[at + 1] & 0x5F, data[at + 2]) for at in range(0, len(data), 188)]
    begins, within = (0x41, 0), (0x01, 0)  # of the pictures
    at = next(at for at in range(60, len(kinds)) if kinds[at - 1 : at + 1] == [within, begins])
    (tmp_path / "in/a.ts").write_bytes(data[: 188 * (at - 1)] + data[188 * at :])

    line, _ = taken(tmp_path / "in", tmp_path / "s")

    assert line.reason == "CORRUPT"
    assert "missing packet" in line.evidence["found"]


@pytest.mark.parametrize("drop", [0, 1])
def test_segments_whose_numbers_begin_anew_are_no_damage(drop, tmp_path):
    """Each begins with its tables; a cut by hand has none there, and then another time."""
    data = FILMS["h264.ts"].write(tmp_path / "a.ts").read_bytes()
    (tmp_path / "in").mkdir()
    first = next(at for at in range(0, len(data), 188) if data[at + 1] & 0x1F == 1) if drop else 0
    (tmp_path / "in/a.ts").write_bytes(data + data[first:])

    line, _ = taken(tmp_path / "in", tmp_path / "s")

    assert (line.status, line.num_frames) == ("ingested", 100)


def test_two_recordings_one_after_the_other_are_no_damage(tmp_path):
    for name in ("mpeg2.ts", "mpeg2.mpg"):
        data = FILMS[name].write(tmp_path / name).read_bytes()
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data + data)

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert {line.status for line in files.values()} == {"ingested"}
    assert {line.num_frames for line in files.values()} == {100}


def test_a_picture_that_is_turned_says_so(tmp_path):
    data = FILMS["h264.mp4"].write(tmp_path / "a.mp4").read_bytes()
    plain = bytes.fromhex("00010000" + "00" * 12 + "00010000" + "00" * 12 + "40000000")
    turned = bytes.fromhex("00000000" + "00010000" + "00" * 4 + "ffff0000" + "00" * 16 + "40000000")
    at = data.rindex(plain)  # the one of the track
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.mp4").write_bytes(data[:at] + turned + data[at + len(turned) :])

    _, (episode,) = taken(tmp_path / "in", tmp_path / "s")

    assert abs(episode.streams[0].rotation) == 90
    assert (episode.streams[0].width, episode.streams[0].height) == (96, 64)


def test_an_index_that_cannot_be_read_is_damage_and_no_other_format(tmp_path):
    data = FILMS["h264.mp4"].write(tmp_path / "a.mp4").read_bytes()
    at = data.index(b"trak")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.mp4").write_bytes(data[:at] + bytes(200) + data[at + 200 :])

    line, _ = taken(tmp_path / "in", tmp_path / "s")

    assert line.reason == "CORRUPT"


def test_what_most_packets_do_is_the_habit_of_an_encoder():
    error = {"at_frame": 1, "packet": 1, "message": "not as the format says"}
    few = Seen(number=0, kind="video", sizes=[9] * 10, doubts=[error])
    most = Seen(number=0, kind="video", sizes=[9] * 10, doubts=[error] * 6)

    assert damage(few) == [error]
    assert damage(most) == []


def test_a_damaged_first_picture_is_no_late_start(tmp_path):
    made = film(tmp_path / "a.mp4", options=X264 | {"g": "10"})
    data = bytearray(made.read_bytes())
    at = data.index(b"mdat") + 4
    size = int.from_bytes(data[at : at + 4], "big")  # the first unit of the first picture
    data[at + 4 + size + 4] = 0xFF
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.mp4").write_bytes(data)

    line, _ = taken(tmp_path / "in", tmp_path / "s")

    assert line.reason == "CORRUPT"


@pytest.mark.parametrize("codec", ["wmv1", "wmv2", "msmpeg4"])
def test_a_changed_bit_that_leaves_a_packet_without_its_end_is_damage(codec, tmp_path):
    film = Film(container="avi", codec=codec, options=SHORT_GOP, size=(320, 240))
    data = film.write(tmp_path / "a.avi").read_bytes()
    (tmp_path / "in").mkdir()
    bad = tmp_path / "in/a.avi"
    for at in range(len(data) // 4, len(data), 997):
        bad.write_bytes(data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :])
        if is_marked(bad, "bitstream+buffer") and not is_marked(bad, "explode"):
            break

    line, _ = taken(tmp_path / "in", tmp_path / "s")

    assert line.reason == "CORRUPT"
    assert "marks the picture" in line.evidence["first_error"]["message"]


def is_marked(path: Path, how: str) -> bool:
    """Say whether a decoder that is asked to be strict marks a picture, or fails."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.options = {"err_detect": how}
        try:
            return any(frame.is_corrupt for frame in container.decode(stream))
        except av.error.FFmpegError:
            return True


@pytest.mark.parametrize("kind", ["avi", "nut", "matroska"])
def test_a_slice_of_ffv1_with_a_wrong_checksum_is_damage(kind, tmp_path):
    """The decoder shows that slice of the picture before, and only its log says so."""
    options = {"level": "3", "slicecrc": "1", "slices": "4"}
    mux = {"write_crc32": "0"} if kind == "matroska" else {}
    made = Film(container=kind, codec="ffv1", options=options, mux=mux).write(tmp_path / "a.film")
    (tmp_path / "in").mkdir()
    data = bytearray(made.read_bytes())
    data[len(data) * 3 // 5] ^= 4
    (tmp_path / "in/a.film").write_bytes(data)

    line, _ = taken(tmp_path / "in", tmp_path / "s")

    assert line.reason == "CORRUPT"
    assert line.evidence["first_error"]["message"] == "a slice with a wrong checksum"


@pytest.mark.parametrize("options", [{"level": "3", "slicecrc": "0"}, {"level": "1"}])
def test_ffv1_without_checksums_is_taken(options, tmp_path):
    Film(container="avi", codec="ffv1", options=options).write(tmp_path / "in/a.avi")

    line, _ = taken(tmp_path / "in", tmp_path / "s")

    assert (line.status, line.num_frames) == ("ingested", 50)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda data: data + bytes(range(256)) * 2, "CORRUPT"),
        (lambda data: data + data, "CORRUPT"),
        (lambda data: data[:-1], "TRUNCATED"),
        (lambda data: data + b"\0" * 700, None),
        (lambda data: data + b"JUNK\x04\0\0\0abcd", None),
    ],
    ids=["noise", "another film", "a byte less", "zeros", "junk by name"],
)
def test_what_stands_behind_an_avi(harm, reason, tmp_path):
    line = harmed(tmp_path, "mpeg4.avi", lambda data: bytearray(harm(bytes(data))))

    assert (line.reason or None) == reason


@pytest.mark.parametrize("rest", [1, 4, 7])
def test_fragments_whose_index_is_cut_in_its_head_are_truncated(rest, tmp_path):
    line = harmed(tmp_path, "fragments.mp4", lambda data: data[: data.rindex(b"mfra") - 4 + rest])

    assert line.reason == "TRUNCATED"


def test_an_mp4_without_any_track_has_no_content(tmp_path):
    def emptied(data: bytearray) -> bytearray:
        at = data.index(b"moov") - 4
        head = data[at + 8 : at + 8 + int.from_bytes(data[at + 8 : at + 12], "big")]
        return data[:at] + (len(head) + 8).to_bytes(4, "big") + b"moov" + head

    assert harmed(tmp_path, "h264.mp4", emptied).reason == "NO_CONTENT"


def test_jpegs_of_an_avi_that_lost_its_mark_are_no_film(tmp_path):
    line = harmed(tmp_path, "mjpeg.avi", lambda data: bytearray(b"RIFN") + data[4:])

    assert line.reason == "CORRUPT"
    assert "before the picture" in line.evidence["first_error"]["message"]


@pytest.mark.parametrize(
    ("size", "pixels", "rate"),
    [
        ((720, 576), "yuv420p", Fraction(25)),
        ((720, 480), "yuv411p", Fraction(30_000, 1_001)),
        ((720, 576), "yuv422p", Fraction(25)),
    ],
)
def test_dv_is_taken_whole_and_refused_in_part(size, pixels, rate, tmp_path):
    film = Film(container="dv", codec="dvvideo", pixels=pixels, frames=4, size=size, rate=rate)
    data = film.write(tmp_path / "a.dv").read_bytes()
    (tmp_path / "in").mkdir()
    middle = len(data) // 2 // 80 * 80

    def told(changed: bytes) -> tuple[str, int]:
        (tmp_path / "in/a.dv").write_bytes(changed)
        line, _ = taken(tmp_path / "in", tmp_path / "s")
        return line.reason or line.status, line.num_frames

    assert told(data) == ("ingested", 4)
    assert told(data[:-1_000])[0] == "TRUNCATED"
    assert told(data[:-12_000])[0] == "TRUNCATED"
    assert told(data[: len(data) * 5 // 8])[0] == "TRUNCATED"
    assert told(data + bytes(range(200, 250)))[0] == "CORRUPT"
    assert told(data[:middle] + data[middle + 80 :])[0] == "CORRUPT"
    assert told(data[:middle] + bytes(4_096) + data[middle + 4_096 :])[0] == "CORRUPT"


@pytest.mark.parametrize(("kind", "step"), [("hevc", 1), ("mpegts", 188)])
def test_a_stream_of_h265_that_ends_inside_a_picture_is_truncated(kind, step, tmp_path):
    """Its decoder paints on and says nothing."""
    film = Film(container=kind, codec="libx265", options=X265, size=(320, 240))
    data = film.write(tmp_path / "a.film").read_bytes()
    (tmp_path / "in").mkdir()
    reasons = []
    for share in range(40, 100, 8):
        (tmp_path / "in/a.film").write_bytes(data[: len(data) * share // 100 // step * step])
        reasons.append(taken(tmp_path / "in", tmp_path / "s")[0].reason)
    (tmp_path / "in/a.film").write_bytes(data)

    line, _ = taken(tmp_path / "in", tmp_path / "s")

    assert reasons == ["TRUNCATED"] * 8
    assert (line.status, line.num_frames) == ("ingested", 50)


def test_a_picture_of_qtrle_that_runs_over_its_edge_is_damage(tmp_path):
    """The decoder shows what it has of it, and only its log says so."""
    made = Film(container="mov", codec="qtrle", pixels="rgb24").write(tmp_path / "a.mov")
    data = made.read_bytes()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.mov").write_bytes(data)
    middle = len(data) // 2

    before, _ = taken(tmp_path / "in", tmp_path / "s")
    runs = data[:middle] + b"\x81" * 400 + data[middle + 400 :]
    (tmp_path / "in/a.mov").write_bytes(runs)
    line, _ = taken(tmp_path / "in", tmp_path / "s")

    assert (before.status, before.num_frames) == ("ingested", 50)
    assert line.reason == "CORRUPT"
    assert "pixel_ptr" in line.evidence["first_error"]["message"]
    assert av.logging.get_level() is None
