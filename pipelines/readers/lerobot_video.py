"""The films of a LeRobot data set: one walk a file, and the pictures of each episode out of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pipelines.readers.picture import Picture, read_picture
from pipelines.readers.reading import Counted, Job, Refused
from pipelines.records import Clock, Int64s, PacketIndex, Stream

Index = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Where one camera shows an episode; `stop_ns` -1 is the whole film."""

    camera: str
    path: str
    start_ns: int
    stop_ns: int


class Films:
    """The films of one group, each walked once; a shared film gives each episode its pictures."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._by_path = {found.path: found for found in job.group.files}
        self._read: dict[str, Picture] = {}

    def stream(self, span: Span, times: Int64s, *, clock: Clock) -> Stream:
        """Return the pictures of one episode on the clock of its rows.

        Raises:
            Refused: PARTS_DISAGREE when the span does not hold a picture for each row.
        """
        whole = self._film(span.path).streams[0]
        shown = _shown(whole, span, len(times))
        if len(shown) != len(times):
            raise Refused(
                f"{span.camera}: {len(shown)} pictures between {span.start_ns / 1e9:.3f} s and"
                f" {span.stop_ns / 1e9:.3f} s, expected {len(times)}",
                code="PARTS_DISAGREE",
                subject=span.path,
                evidence={"camera": span.camera, "pictures": len(shown), "rows": len(times)},
            )
        return replace(
            whole,
            name=span.camera,
            clock=clock,
            ts_ns=times,
            last_ns=0,
            index=_cut(whole, shown, times),
            num_messages=len(times),
        )

    def counted(self, path: str, camera: str) -> Counted:
        """Return what the whole film holds."""
        whole = replace(self._film(path).streams[0], name=camera)
        start, stop = whole.span_ns
        return Counted(
            num_frames=whole.num_frames, duration_ns=stop - start, streams=(whole.doc(),)
        )

    def _film(self, path: str) -> Picture:
        if path not in self._read:
            picture = read_picture(self._job, self._by_path[path])
            if picture.tracks:
                raise Refused(
                    f"{path}: its packets do not lie whole in the file",
                    code="UNSUPPORTED_CODEC",
                    subject=path,
                )
            self._read[path] = picture
        return self._read[path]


def _shown(whole: Stream, span: Span, wanted: int) -> Index:
    """The pictures of the film that lie in the span: half a picture of slack at either end."""
    if span.stop_ns < 0:
        return np.arange(len(whole.ts_ns))
    slack = _period(whole.ts_ns) // 2
    low = int(np.searchsorted(whole.ts_ns, span.start_ns - slack))
    high = int(np.searchsorted(whole.ts_ns, span.stop_ns - slack))
    return np.arange(low, min(high, low + wanted) if high - low == wanted + 1 else high)


def _cut(whole: Stream, shown: Index, times: Int64s) -> PacketIndex:
    """The packets that the pictures need: from the key packet before the first to the last.

    A packet of a picture that is shown stands at the time of its row; the others keep their
    distance from the first.
    """
    index = whole.index
    if index is None or not len(shown):
        raise Refused(f"{whole.name}: no picture", code="NO_CONTENT")
    first, last = int(whole.ts_ns[shown[0]]), int(whole.ts_ns[shown[-1]])
    inside = np.flatnonzero((index.pts_ns >= first) & (index.pts_ns <= last))
    keys = np.flatnonzero(index.key[: int(inside.min()) + 1])
    low, high = int(keys[-1]) if len(keys) else 0, int(inside.max()) + 1
    pts = index.pts_ns[low:high] - first + (int(times[0]) if len(times) else 0)
    order = np.searchsorted(whole.ts_ns[shown], index.pts_ns[low:high])
    here = (index.pts_ns[low:high] >= first) & (index.pts_ns[low:high] <= last)
    pts[here] = times[order[here]]
    return PacketIndex(
        file_id=index.file_id,
        offset=index.offset[low:high],
        size=index.size[low:high],
        key=index.key[low:high],
        pts_ns=pts,
        extradata=index.extradata,
    )


def _period(ts_ns: Int64s) -> int:
    return int(np.median(np.diff(ts_ns))) if len(ts_ns) > 1 else 1
