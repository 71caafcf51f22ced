"""Whether bytes of a group of pictures are those that the index promises, each time they are read.

The first time a group is compared with its SHA-256. What passed gets a tag of GMAC (NIST SP
800-38D) under a key that this process draws and never shows, and every later reading is compared
with that tag: nobody without the key can find other bytes with it, and it costs a fourteenth of
the SHA-256. An epoch reads a group once for each window that touches it.
"""

from __future__ import annotations

import hashlib
import os

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_TAG = 16  # bytes
_NONCE = bytes(12)  # one for all: a tag leaves this process as little as the key


class Proof:
    """What has been proven of the groups of one training set, by their number."""

    def __init__(self, num_groups: int) -> None:
        self._mac = AESGCM(os.urandom(32))
        self._tags = np.zeros((num_groups, _TAG), np.uint8)  # pages come as groups are read
        self._proven = np.zeros(num_groups, np.bool_)

    def holds(self, number: int, digest: str, part: memoryview) -> bool:
        """Whether `part` is the bytes of group `number`, whose SHA-256 in hex is `digest`."""
        if self._proven[number]:
            return bool(self._tags[number].tobytes() == self._tag(part))
        if hashlib.sha256(part).hexdigest() != digest:
            return False
        self._tags[number] = np.frombuffer(self._tag(part), np.uint8)
        self._proven[number] = True
        return True

    def _tag(self, part: memoryview) -> bytes:
        return self._mac.encrypt(_NONCE, b"", part)
