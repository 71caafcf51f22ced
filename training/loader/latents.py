"""Latents of whole clips on this machine's disk, with the rights of what they were made from.

A latent shows its pictures to whoever has the tokenizer, so it is kept only for rows of a set that
has passed the gate, named by row and tokenizer, and checked when it is read. Opening the cache
removes what this set does not hold; a revocation removes the latents of its clips. It is a cache:
what is missing, cut short or changed is simply not there.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from training.gate import Cleared

Halves = NDArray[np.float16]  # T, N, C: frames, tokens, channels
_DIGEST_BYTES: Final = 32


class Latents:
    """The cached latents of one cleared set under one frozen tokenizer."""

    def __init__(
        self, folder: Path, cleared: Cleared, tokenizer_digest: str, *, max_bytes: int = 1 << 34
    ) -> None:
        self._folder = folder / tokenizer_digest
        self._folder.mkdir(parents=True, exist_ok=True)
        self._max_bytes = max_bytes
        rows = cleared.index.select(["clip_id", "sha256", "num_frames"]).to_pylist()
        self._names = [str(row["sha256"]) for row in rows]
        self._clips = [str(row["clip_id"]) for row in rows]
        self._num_frames = [int(row["num_frames"]) for row in rows]
        self._dead: set[str] = set()  # clips
        cleared_names = frozenset(self._names)
        for path in folder.glob("*/*"):
            if path.name not in cleared_names:
                path.unlink(missing_ok=True)
        self._size = sum(path.stat().st_size for path in self._folder.iterdir())

    def read(self, row: int, first: int, count: int) -> Halves | None:
        """Frames `first` .. `first + count - 1` of the clip at `row`; `None` if not cached."""
        if self._clips[row] in self._dead:
            return None
        try:
            raw = self._path(row).read_bytes()
        except OSError:
            return None
        told, body = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
        if hashlib.sha256(body).digest() != told:
            self._path(row).unlink(missing_ok=True)
            return None
        whole: Halves = np.load(io.BytesIO(body), allow_pickle=False)
        return whole[first : first + count]

    def write(self, row: int, latents_TNC: Halves) -> bool:
        """Keep the latents of a whole clip; false if it is revoked or the cache is full."""
        if len(latents_TNC) != self._num_frames[row]:
            raise ValueError(
                f"{len(latents_TNC)} latents for a clip of {self._num_frames[row]} frames"
            )
        out = io.BytesIO()
        np.save(out, latents_TNC.astype(np.float16, copy=False), allow_pickle=False)
        body = out.getvalue()
        if self._clips[row] in self._dead or self._size + len(body) > self._max_bytes:
            return False
        partial = self._folder / f".{self._names[row]}.{os.getpid()}"
        partial.write_bytes(hashlib.sha256(body).digest() + body)
        partial.replace(self._path(row))  # whole or not there
        self._size += _DIGEST_BYTES + len(body)
        return True

    def drop(self, clips: Iterable[str]) -> int:
        """Delete the latents of revoked clips, under every tokenizer; how many there were."""
        self._dead |= set(clips)
        dropped = 0
        for row, clip in enumerate(self._clips):
            if clip in self._dead:
                for path in self._folder.parent.glob(f"*/{self._names[row]}"):
                    path.unlink(missing_ok=True)
                    dropped += 1
        return dropped

    def _path(self, row: int) -> Path:
        return self._folder / self._names[row]
