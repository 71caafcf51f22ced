"""Look at pictures while somebody else decodes them: beside the decoder, in a thread of its own.

The decoder lets go of the interpreter while it works, and so does the scaler: the two share two
cores. A few pictures wait between them, so memory does not grow with the length of the film.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from typing import Any

import av
from av.video.reformatter import ColorRange

from pipelines.pictures.rows import chunks
from pipelines.pictures.small import Shrinker, Small

WAITING_BYTES = 48 << 20  # of decoded pictures
MOST_WAITING = 16
SAMPLES = 3  # a picture's bytes for each pixel, about


class Watch:
    """The figures of one stream's pictures, as they are shown one by one."""

    def __init__(self, *, width: int, height: int) -> None:
        most = min(MOST_WAITING, max(1, WAITING_BYTES // max(1, SAMPLES * width * height)))
        self._waiting: Queue[tuple[int, av.VideoFrame] | None] = Queue(most)
        self._is_whole = True
        self._thread = ThreadPoolExecutor(1)
        self._found = self._thread.submit(self._look)

    def show(self, ts_ns: int | None, frame: av.VideoFrame) -> None:
        """Take the next picture; wait where too many are waiting.

        Without a time, or with a range of colours that a container may have stated where packets
        do not, what is found would not be what is found when the packets are decoded by themselves.
        """
        if ts_ns is None or frame.color_range == ColorRange.JPEG:
            self._is_whole = False
        elif self._is_whole:
            self._waiting.put((ts_ns, frame))

    def end(self) -> tuple[Mapping[str, Any], ...]:
        """Return the chunks of figures; none where not every picture could be looked at."""
        self._waiting.put(None)
        self._thread.shutdown()
        found = self._found.result()
        return found if self._is_whole else ()

    def _look(self) -> tuple[Mapping[str, Any], ...]:
        try:
            return tuple(chunks(self._smalls()))
        except (ValueError, av.FFmpegError):  # no scaling these pixels: looking by itself says so
            self._is_whole = False
            while self._waiting.get() is not None:
                pass
            return ()

    def _smalls(self) -> Iterator[Small]:
        shrinker = Shrinker()
        while (one := self._waiting.get()) is not None:
            yield shrinker.small(*one)
