"""Walk a container once: decode picture by picture, and find every packet in the file's own bytes.

In: a path. Out: a `Seen` for each stream with what was counted, timed and located. PyAV, packet by
packet and on one thread, is the reference: an error costs one packet, not the rest of the file.
Pictures are counted, looked at where `watch` is asked for, and dropped at once: memory does not
grow with the length of the video.

Decoders paint over what is damaged and say nothing. So the first pass asks them to be strict; if
that finds anything, a second one decodes as usual, for the counts, and what only the strict pass
found is kept apart as doubts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.codec.context import Flags

from pipelines.pictures.watching import Watch
from pipelines.readers.child import lasts
from pipelines.readers.ending import Tail
from pipelines.readers.hearing import heard
from pipelines.readers.opening import opened
from pipelines.readers.payload import is_shown, slice_sums, wrong_with
from pipelines.readers.reading import Refused
from pipelines.readers.walked import Seen, Walked, beyond_decoding

NS = 10**9
USUAL_SAMPLES = 1_024  # in a packet of sound
FURTHEST_NS = 1 << 62
NOT_VIDEO = frozenset(["tty", "ansi", "bin", "xbin", "idf", "adf", "image2", "tedcaptions"])
ENDS = frozenset(["wmv1", "wmv2", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3"])  # as their encoders end
ENDLESS = frozenset({"hevc", "mpegts"})  # formats that end anywhere
BLOCK_HEAD = 64  # a Matroska or FLV block keeps the payload a few bytes behind its position


def walk(path: Path, *, decode: bool = True, watch: bool = False) -> Walked:
    """Walk the container at `path` from its first packet to its last."""
    strict = walked = _pass(path, decode=decode, strict=True, watch=watch and decode)
    if any(one.errors for one in strict.pictures):
        walked = _pass(path, decode=decode, strict=False)
        for one, same in zip(walked.pictures, strict.pictures, strict=False):
            known = {error["packet"] for error in one.errors}
            one.doubts = [error for error in same.errors if error["packet"] not in known]
    for one in walked.pictures:
        one.errors += beyond_decoding(one)
    return walked


def _pass(path: Path, *, decode: bool, strict: bool, watch: bool = False) -> Walked:
    with opened(path) as container, path.open("rb") as raw:
        name = container.format.name
        if name in NOT_VIDEO or name.endswith("_pipe"):
            raise Refused(
                f"{path.name}: looks like {name}", code="NOT_THE_FORMAT", evidence={"looks": name}
            )
        if container.duration:
            lasts(container.duration / av.time_base)
        seen = {
            stream.index: _describe(stream, name, strict=strict) for stream in container.streams
        }
        with _watched(seen.values() if watch else ()):
            ended = _demux(container, seen, raw=raw, decode=decode)
        duration_ns = (container.duration or 0) * NS // av.time_base
    for one in seen.values():
        if not decode and one.is_picture:
            one.pts = sorted(one.unit_pts, key=lambda time: -1 if time is None else time)
        if len(one.sources) != len(one.pts):
            one.sources = []
    return Walked(format=name, streams=tuple(seen.values()), ended=ended, duration_ns=duration_ns)


@contextmanager
def _watched(streams: Iterable[Seen]) -> Iterator[None]:
    """Have the pictures of some streams looked at as they are decoded."""
    pictures = [one for one in streams if one.is_picture]
    for one in pictures:
        one.watch = Watch(width=one.width, height=one.height)
    try:
        yield
    finally:
        for one in pictures:
            one.figures, one.watch = one.watch.end() if one.watch else (), None


def _describe(stream: av.stream.Stream, container: str, *, strict: bool) -> Seen:
    codec: Any = getattr(stream, "codec_context", None)  # None for data and unknown codecs
    seen = Seen(number=stream.index, kind=str(stream.type), container=container)
    if codec is None:
        return seen
    seen.codec, seen.extradata = codec.codec.canonical_name, bytes(codec.extradata or b"")
    if seen.kind == "video":
        seen.width, seen.height, seen.pixels = codec.width, codec.height, codec.pix_fmt or ""
        seen.cover = bool(stream.disposition & av.stream.Disposition.attached_pic)
        rates = (getattr(stream, name, None) for name in ("average_rate", "guessed_rate"))
        seen.rate = next((float(rate) for rate in rates if rate), 0.0)
        seen.promised = stream.frames
        codec.thread_count = 1
        seen.tail = Tail() if seen.codec == "hevc" and container in ENDLESS else None
        codec.flags |= Flags.copy_opaque  # a picture then says which packet it came out of
        codec.options = {"err_detect": _strictness(seen.codec)} if strict else {}
    if seen.kind == "audio":
        seen.sample_rate, seen.layout = codec.sample_rate or 0, codec.layout.name
        seen.rate = seen.sample_rate / (codec.frame_size or USUAL_SAMPLES)
    if stream.time_base:
        seen.tick_ns = max(1, int(stream.time_base * NS))
    return seen


def _strictness(codec: str) -> str:
    """Return what a strict decoder minds: checksums; where a codec has none, how a packet ends."""
    return "+".join(("crccheck", "explode", *(("bitstream", "buffer") if codec in ENDS else ())))


def _demux(
    container: av.container.InputContainer, seen: dict[int, Seen], *, raw: BinaryIO, decode: bool
) -> str:
    """Fill `seen` from every packet; return why the container ended before its end, if it did."""
    packets: Iterator[av.Packet[Any]] = container.demux()
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return ""
        except IndexError:  # the library has no name for a stream that showed up in the middle
            seen[len(seen)] = Seen(number=len(seen), kind="late stream")
            return ""
        except av.error.FFmpegError as error:
            return f"{type(error).__name__}: {error}"
        if packet.stream.index not in seen:  # a stream that showed up in the middle
            seen[packet.stream.index] = _describe(
                packet.stream, container.format.name, strict=False
            )
        _take(seen[packet.stream.index], packet, raw=raw, decode=decode)


def _take(seen: Seen, packet: av.Packet[Any], *, raw: BinaryIO, decode: bool) -> None:
    seen.num_packets += 1 if packet.size else 0
    payload = bytes(packet) if packet.size and (seen.is_picture or seen.kind == "audio") else b""
    if payload:
        _locate(seen, packet, payload, raw=raw)
    if payload and seen.tail is not None:
        seen.tail.pack(payload, is_key=packet.is_keyframe)
    if payload and seen.is_picture:
        for message in wrong_with(seen.codec, seen.container, payload):
            _note(seen, packet, message)
        if seen.codec == "ffv1":
            _sum_up(seen, packet, payload)
        if packet.is_corrupt and seen.container != "mpegts":  # there every splice is marked
            _note(seen, packet, "the packet is cut short")
    if seen.is_picture and decode:
        _decode(seen, packet)  # an empty packet at the end makes the decoder give what it held


def _locate(seen: Seen, packet: av.Packet[Any], payload: bytes, *, raw: BinaryIO) -> None:
    """Note where the packet's bytes lie, or that they do not lie together in the file."""
    packet.opaque = len(seen.sizes)
    seen.keys.append(bool(packet.is_keyframe))
    seen.shown.append(not packet.is_discard and is_shown(seen.codec, payload))
    time = packet.pts if packet.pts is not None else packet.dts
    base = packet.time_base or packet.stream.time_base
    seen.unit_pts.append(_ns(time, base))
    seen.lasts_ns.append(_ns(packet.duration, base) or 0)
    seen.sizes.append(packet.size)
    offset = _find(payload, packet.pos, raw) if seen.located else None
    if offset is None:
        seen.located = False
    else:
        seen.offsets.append(offset)


def _find(payload: bytes, position: int | None, raw: BinaryIO) -> int | None:
    if position is None or not 0 <= position < 1 << 62:
        return None
    raw.seek(position)
    around = raw.read(len(payload) + BLOCK_HEAD)
    if around.startswith(payload):
        return position
    later = around.find(payload)
    return position + later if later >= 0 else None


def _decode(seen: Seen, packet: av.Packet[Any]) -> None:
    try:
        with heard(seen.codec) as said:
            frames = packet.decode()
    except av.error.FFmpegError as error:
        _note(seen, packet, f"{type(error).__name__}: {error}")
        return
    for message in said[:1]:
        _note(seen, packet, message)
    for frame in frames:
        if frame.is_corrupt and (seen.pts or frame.key_frame):
            _note(seen, packet, "the decoder marks the picture as corrupt", is_key=frame.key_frame)
        time = frame.pts if frame.pts is not None else frame.dts
        seen.pts.append(_ns(time, frame.time_base or packet.stream.time_base))
        seen.sources += [frame.opaque] if isinstance(frame.opaque, int) else []
        seen.interlaced += frame.interlaced_frame
        if seen.tail is not None and isinstance(frame.opaque, int):
            seen.tail.show(frame.opaque, frame)
        if seen.watch is not None:
            seen.watch.show(seen.pts[-1], frame)
        if len(seen.pts) == 1:
            seen.rotation, seen.width, seen.height = frame.rotation, frame.width, frame.height


def _note(seen: Seen, packet: av.Packet[Any], message: str, *, is_key: bool = False) -> None:
    whole = packet.is_keyframe or seen.container.startswith("mov")
    must_decode = is_key or (packet.size and whole)
    if not seen.pts and not must_decode:
        seen.late_start += 1  # a recording may begin before its first key picture, an mp4 not
        return
    seen.errors.append(_error(seen, packet, message))


def _sum_up(seen: Seen, packet: av.Packet[Any], payload: bytes) -> None:
    """Count the checksums in a packet: the decoder takes another slice for a wrong one, unsaid."""
    right, wrong = slice_sums(payload)
    seen.sums_right += right
    if wrong:
        seen.sums_wrong.append(_error(seen, packet, "a slice with a wrong checksum"))


def _error(seen: Seen, packet: av.Packet[Any], message: str) -> dict[str, Any]:
    return {
        "at_frame": seen.num_frames,
        "packet": len(seen.sizes) - 1,
        "offset": packet.pos,
        "message": message,
    }


def _ns(time: int | None, base: Fraction | None) -> int | None:
    """Return a container's time in ns; None where it has none, or none that a number holds."""
    if time is None or base is None:
        return None
    time_ns = time * base.numerator * NS // base.denominator
    return time_ns if abs(time_ns) < FURTHEST_NS else None
