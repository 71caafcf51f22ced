"""The one byte form of a JSON document (RFC 8785), and the digest over it.

The library that writes it is pure Python and slow. For what nearly every fact is made of (ASCII
text, truth values, whole numbers that fit a double) the standard encoder writes the same bytes; all
else goes to the library. A property test holds the two together.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final, cast

import rfc8785

_UNSURE: Final = re.compile(r"[:,\[]-?(?:\d+[.eE]|\d{16}|[NI])")  # a float, or a number too long
_ENCODE: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False
).encode


def canonical(doc: object) -> bytes:
    """The canonical bytes of `doc`, whose keys are text.

    Raises rfc8785.CanonicalizationError, UnicodeEncodeError or RecursionError for what has none.
    """
    if type(doc) in {dict, list}:
        try:
            text = _ENCODE(doc)
        except (TypeError, ValueError):
            text = "\u00b7"
        if text.isascii() and not _UNSURE.search(text):
            return text.encode()
    return rfc8785.dumps(cast("Any", doc))


def doc_digest(doc: object) -> str:
    """64 hex digits over the canonical JSON of `doc`."""
    return hashlib.sha256(canonical(doc)).hexdigest()
