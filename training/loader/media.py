"""Exact byte ranges of clips, proven, then decoded.

The packet index says where each frame's bytes are, so a window costs one range of whole groups of
pictures (GOPs) and no container. Every GOP is compared with its digest before a decoder sees it.
A difference stops the run (MEDIA_CHANGED); bytes that are as promised but do not decode are told
by their place, and the caller gives that window no weight.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import lance
import numpy as np
import pyarrow as pa

from training.errors import LoaderError
from training.loader.decoder import Decoder, Frames
from training.loader.packets import Group, Packets, Range, Want
from training.loader.proof import Proof
from training.windows import Bools

Spread = Callable[..., Iterable[Any]]
_AGAIN: Final = "fetch the training set again from its publisher"


class Media:
    """The media column of one training set at one version."""

    def __init__(self, uri: str, version: int, index: pa.Table, *, decode_on: str) -> None:
        self._data = lance.dataset(uri, version=version)
        self._clips = index.column("clip_id")
        self._packets = Packets(index)
        self._proof = Proof(self._packets.num_groups)
        self._decode_on = decode_on
        self._threads = threading.local()  # one decoder a thread, reused

    def bytes_of(self, wants: Iterable[Want]) -> int:
        """Bytes that a read of these windows would fetch."""
        runs, _ = self._packets.merged([self._packets.range_of(want) for want in wants])
        return sum(run.length for run in runs)

    def read(self, wants: Sequence[Want], outs: Sequence[Frames], *, spread: Spread = map) -> Bools:
        """Write the frames of each want into its array; false where a window cannot be decoded.

        `spread` maps the decoding over threads; decoders release the interpreter lock.
        """
        ranges = [self._packets.range_of(want) for want in wants]
        runs, place = self._packets.merged(ranges)
        groups = [self._packets.groups(run) for run in runs]
        raw = self._fetch(runs)
        for run, own, data in zip(runs, groups, raw, strict=True):
            self._prove(run, own, data)

        def decode(at: int) -> bool:
            skipped = ranges[at].low - runs[place[at]].low
            own = groups[place[at]][skipped : skipped + ranges[at].high - ranges[at].low]
            return self._decoder().decode(
                own, raw[place[at]], first=wants[at].first, out_THWC=outs[at]
            )

        order = sorted(range(len(wants)), key=place.__getitem__)
        done = np.zeros(len(wants), dtype=np.bool_)
        done[order] = list(spread(decode, order))
        return done

    def _fetch(self, runs: Sequence[Range]) -> list[bytes]:
        requests = [(one.row_id, one.offset, one.length) for one in runs]
        try:
            found = self._data.read_blob_ranges("media", requests, selector="ids")
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        return [raw or b"" for _, _, raw in found]

    def _prove(self, run: Range, groups: Sequence[Group], raw: bytes) -> None:
        """Every group must be what the index promises by its digest."""
        for group in groups:
            part = memoryview(raw)[group.start : group.start + group.length]
            if not self._proof.holds(group.number, group.digest, part):
                clip_id = str(self._clips[run.row].as_py())
                raise LoaderError(
                    f"clip {clip_id}: {group.length} bytes at {run.offset + group.start} do not "
                    f"have the digest {group.digest[:12]} of the index",
                    code="MEDIA_CHANGED",
                    subject=clip_id,
                    way_out=_AGAIN,
                )

    def _unreadable(self, error: Exception) -> LoaderError:
        uri = self._data.uri
        if isinstance(error, OSError) or "not found" in str(error).lower():
            return LoaderError(
                f"files of {uri} have gone while they were read: {error}",
                code="ERASED",
                subject=uri,
                way_out="resume with the successor of this training set",
            )
        return LoaderError(  # a range past the end of the blob
            f"media of {uri} is shorter than its packet index says: {error}",
            code="MEDIA_CHANGED",
            subject=uri,
            way_out=_AGAIN,
        )

    def _decoder(self) -> Decoder:
        decoder: Decoder | None = getattr(self._threads, "decoder", None)
        if decoder is None:
            decoder = self._threads.decoder = Decoder(self._decode_on)
        return decoder
