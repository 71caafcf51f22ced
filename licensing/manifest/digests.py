"""Bytes that two machines agree on, and the digests over them.

In: JSON documents (RFC 8785) and rows of plain values. Out: bytes and sha256 in hex. A row is not
hashed through JSON: floats keep their bits, and a length before every part keeps `("ab", "c")` and
`("a", "bc")` apart.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import rfc8785

from licensing.errors import PaperError

_TAGS: tuple[tuple[type, bytes, Callable[[Any], bytes]], ...] = (
    (type(None), b"0", lambda _: b""),
    (bool, b"b", lambda value: b"\x01" if value else b"\x00"),  # before int: True is one
    (int, b"i", lambda value: str(value).encode()),
    (float, b"f", lambda value: struct.pack("<d", value)),
    (str, b"s", str.encode),
    (bytes, b"y", bytes),
)
Plain = bool | int | float | str | bytes | None


def canonical(doc: object) -> bytes:
    """The one byte form of a JSON document (RFC 8785).

    Raises:
        PaperError: MANIFEST_MALFORMED for a value that has no such form: NaN, an integer beyond
            2^53 (write it as a string), a key that is no string, half a surrogate pair.
    """
    try:
        return rfc8785.dumps(cast(Any, doc))
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise PaperError(
            f"the document has no canonical JSON form: {error}",
            code="MANIFEST_MALFORMED",
            subject="document",
            way_out="write digests and nanoseconds as strings, and no NaN",
        ) from error


def from_canonical(raw: bytes, what: str) -> object:
    """Parse `raw` and insist that it is the canonical form, so that one meaning has one digest.

    Raises:
        PaperError: MANIFEST_MALFORMED if `raw` is not JSON, or not canonical JSON.
    """
    try:
        doc = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _malformed(what, f"is not JSON: {error}") from error
    if canonical(doc) != raw:
        raise _malformed(what, "is JSON but not in its canonical form (RFC 8785)")
    return doc


def digest(doc: object) -> str:
    """The sha256 of a document's canonical form, in hex."""
    return sha256_hex(canonical(doc))


def sha256_hex(raw: bytes) -> str:
    """The sha256 of `raw`, in hex."""
    return hashlib.sha256(raw).hexdigest()


def row_digest(row: Mapping[str, Plain]) -> str:
    """The digest of one row: names in order, each value with its type and length before it.

    A list column is handed over as the little-endian bytes of its elements.

    Raises:
        PaperError: ROW_MALFORMED for a value of any other type.
    """
    hashed = hashlib.sha256()
    for name in sorted(row):
        tag, raw = _tagged(name, row[name])
        key = name.encode()
        hashed.update(struct.pack("<Q", len(key)) + key + tag + struct.pack("<Q", len(raw)) + raw)
    return hashed.hexdigest()


def combine(digests: Iterable[str]) -> str:
    """One digest over many, in the order given: the caller sorts."""
    hashed = hashlib.sha256()
    for one in digests:
        hashed.update(one.encode("ascii"))
    return hashed.hexdigest()


def _tagged(name: str, value: object) -> tuple[bytes, bytes]:
    for kind, tag, in_bytes in _TAGS:
        if isinstance(value, kind):
            return tag, in_bytes(value)
    raise PaperError(
        f"column {name} holds a {type(value).__name__}, expected null, bool, int, float, str or "
        "bytes",
        code="ROW_MALFORMED",
        subject=name,
        way_out="turn a list into the little-endian bytes of its elements",
    )


def _malformed(what: str, why: str) -> PaperError:
    return PaperError(
        f"{what} {why}",
        code="MANIFEST_MALFORMED",
        subject=what,
        way_out="fetch the training set again, or export it anew",
    )
