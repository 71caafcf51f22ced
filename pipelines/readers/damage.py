"""What is wrong with a video file, and with which reason it is refused.

Three witnesses: the structure of the container, the packets that failed or gave no picture, and
what only a strict decoder minds. What damage leaves decodable in a stream without checksums is
another picture, and nothing here can tell.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipelines.clocks import lone_jump
from pipelines.readers.containers.boxes import encrypted, without_tracks
from pipelines.readers.containers.fault import Fault
from pipelines.readers.packets import NS, walk
from pipelines.readers.reading import Counted, Refused
from pipelines.readers.structure import find_fault, has_structure
from pipelines.readers.walked import Seen, Walked
from pipelines.records import Found, Int64s

BEHIND_MARK = 32  # bytes
TOLD_BY_HEADER = frozenset({"asf"})  # nothing else shows what is missing inside


def walk_whole(path: Path, found: Found, *, decode: bool) -> tuple[Walked, Fault | None]:
    """Walk a container; return what was seen, and what is wrong with its structure.

    Raises:
        Refused: when nothing can be read of it, with the reason.
    """
    fault = find_fault(path)
    try:
        walked = walk(path, decode=decode, watch=True)
    except Refused as error:
        code = _why_closed(path, fault) if error.code == "NOT_THE_FORMAT" else error.code
        raise Refused(
            str(error),
            code=code,
            subject=found.path,
            evidence=error.evidence | (fault.evidence if fault else {}),
        ) from error
    if not any(seen.num_frames for seen in walked.pictures):
        raise _nothing(path, walked, found, fault=fault)
    return walked, fault or _falls_short(walked) or _jumps(walked)


def refuse_damage(walked: Walked, found: Found, *, fault: Fault | None, partial: Counted) -> None:
    """Refuse a file of which not all is there, or not all as it was.

    Raises:
        Refused: TRUNCATED or CORRUPT, with how much reads.
    """
    errors = [error for seen in walked.pictures for error in damage(seen)]
    if errors or walked.ended or fault:
        at_end = not walked.ended and all(_is_last(seen) for seen in walked.pictures)
        evidence = {
            "num_frames": partial.num_frames,
            "promised_frames": sum(seen.promised for seen in walked.pictures),
            "errors": len(errors),
            "first_error": errors[0] if errors else {},
            "ended": walked.ended,
            **(fault.evidence if fault else {}),
        }
        raise Refused(
            f"{found.path}: {partial.num_frames} pictures read, then damaged",
            code=fault.code if fault else "TRUNCATED" if at_end else "CORRUPT",
            subject=found.path,
            way_out="set accept_partial in the source's config to keep what reads",
            evidence=evidence,
            partial={found.path: partial},
        )


def damage(seen: Seen) -> list[dict[str, Any]]:
    """Return what is wrong with a stream.

    What only the strict pass found is damage where it is the exception. Where most packets are not
    as the format says, it is the habit of the encoder.
    """
    return [*seen.errors, *(() if 2 * len(seen.doubts) > len(seen.sizes) else seen.doubts)]


def gaps_of(seen: Seen, ts_ns: Int64s) -> tuple[tuple[int, int], ...]:
    """Return the spans between the pictures before and after each failed packet."""
    marks = sorted({int(error["at_frame"]) for error in damage(seen)})
    spans = [(int(ts_ns[at - 1]), int(ts_ns[at])) for at in marks if 0 < at < len(ts_ns)]
    return tuple((low, high) for low, high in spans if high > low)


def _is_last(seen: Seen) -> bool:
    """Say whether all that is wrong with a stream is wrong with its last packet."""
    return all(error["packet"] >= len(seen.sizes) - 1 for error in damage(seen))


def _falls_short(walked: Walked) -> Fault | None:
    """Compare the duration that a header tells with the times of the packets."""
    times = [time for seen in walked.streams for time in seen.unit_pts if time is not None]
    if walked.format not in TOLD_BY_HEADER or not times:
        return None
    missing = walked.duration_ns - (max(times) - min(times))
    if missing <= max(NS // 2, walked.duration_ns // 20):
        return None
    evidence = {"promised_s": walked.duration_ns / NS, "missing_s": missing / NS}
    return Fault(code="CORRUPT", evidence=evidence)


def _jumps(walked: Walked) -> Fault | None:
    """Find a picture whose time alone is hours from those before and behind it."""
    for seen in walked.pictures:
        times: Int64s = np.array([one for one in seen.unit_pts if one is not None], np.int64)
        row = lone_jump(times)
        if row >= 0:
            return Fault(code="CORRUPT", evidence={"packet": row, "time_ns": int(times[row])})
    return None


def _why_closed(path: Path, fault: Fault | None) -> str:
    """Say why a container cannot be opened: there is nothing behind its mark, or it is damaged."""
    if fault is None:
        return "CORRUPT" if has_structure(path) else "NOT_THE_FORMAT"
    at = int(fault.evidence.get("offset", BEHIND_MARK))
    return fault.code if at >= BEHIND_MARK else "NOT_THE_FORMAT"


def _nothing(path: Path, walked: Walked, found: Found, *, fault: Fault | None) -> Refused:
    """Say why a container gave no picture."""
    pictures = walked.pictures
    kinds = sorted({f"{seen.kind}/{seen.codec or 'unknown'}" for seen in walked.streams})
    late = sum(seen.late_start + len(seen.errors) for seen in pictures)
    if not walked.streams and not fault and without_tracks(path):
        code, what = "NO_CONTENT", "no track in it"
    elif not walked.streams:
        code, what = _why_closed(path, fault), "no stream of any kind in it"
    elif not pictures:
        code, what = "NO_STREAM", "no moving picture in it"
    elif not any(seen.codec for seen in pictures):
        code, what = "UNSUPPORTED_CODEC", "no decoder for its picture"
    elif fault:
        code, what = fault.code, "no picture in what there is of it"
    elif late or walked.ended:
        code, what = "CORRUPT", "no packet decodes"
    else:
        code, what = "NO_CONTENT", "no picture in it"
    if code != "NO_STREAM" and walked.format.startswith("mov") and encrypted(path):
        code, what = "ENCRYPTED", "its picture is encrypted"
    evidence = {"streams": kinds, "failed_packets": late, "ended": walked.ended}
    evidence |= fault.evidence if fault else {}
    return Refused(f"{found.path}: {what}", code=code, subject=found.path, evidence=evidence)
