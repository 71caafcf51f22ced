"""PDF documents without a PDF library: their metadata streams, and TDMRep in their Info entries.

XMP stands in a stream of its own that is marked as metadata, plain or deflated. What is marked and
cannot be read (encrypted, another filter, longer than is looked at) is unread and never silence.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Any, Final

from licensing.signals.xmp import xmp_signals

_METADATA: Final = re.compile(rb"/(?:Type\s*/Metadata|Subtype\s*/XML)\b")
_OBJECTS: Final = re.compile(rb"/Type\s*/ObjStm\b")
_INFO: Final = re.compile(
    rb"/tdm(?:[:_-]|#3[aA])reservation\s*(?:\(([^()]{0,40})\)|/?([^\s<>()\[\]/]{1,40}))",
    re.IGNORECASE,
)
_FILTER: Final = re.compile(rb"/Filter\s*(\[[^\]]{0,200}|/\w+)")
_NAME: Final = re.compile(rb"/\w+")
_HEAD: Final = 2_000  # bytes between the mark of a stream and its ends
_MOST_STREAMS: Final = 10_000
_LONGEST: Final = 2 << 20  # of one stream once inflated
_LONGEST_TOGETHER: Final = 64 << 20


def pdf_signals(raw: bytes) -> tuple[dict[str, Any], ...]:
    """The signals of the document's XMP and Info, of every version that the file still holds."""
    found: list[dict[str, Any]] = []
    for content in _streams(raw, _METADATA):
        found += [{"unread": "PDF metadata"}] if content is None else xmp_signals(content)
    for text in (raw, *_streams(raw, _OBJECTS)):
        if text is not None:
            found += [{"tdmrep_pdf": _value(one)} for one in _INFO.finditer(text)]
    return tuple({str(one): one for one in found}.values())


def _streams(raw: bytes, mark: re.Pattern[bytes]) -> Iterator[bytes | None]:
    """What each stream whose dictionary bears `mark` holds; None for one that cannot be read."""
    done = spent = 0
    for number, one in enumerate(mark.finditer(raw)):
        if one.start() < done:  # two marks of one stream
            continue
        start = raw.find(b"stream", one.end(), one.end() + _HEAD)
        end = raw.find(b"endstream", max(start, 0))
        if start > 3 and raw.startswith(b"endstream", start - 3):  # words inside another stream
            continue
        if start < 0 or end < 0 or number >= _MOST_STREAMS or spent > _LONGEST_TOGETHER:
            yield None
            return
        done = end
        earliest = max(0, one.start() - _HEAD)
        head = raw[max(raw.rfind(b"obj", earliest, one.start()), earliest) : start]
        content = _plain(raw[start + 6 : end], head)
        spent += len(content or b"")
        yield content


def _plain(content: bytes, head: bytes) -> bytes | None:
    stated = _FILTER.search(head)
    filters = _NAME.findall(stated[1]) if stated else []
    content = content.removeprefix(b"\r").removeprefix(b"\n")
    if not filters:
        return content
    if filters[0] not in {b"/FlateDecode", b"/Fl"} or len(filters) > 1 or b"/Predictor" in head:
        return None
    try:
        inflate = zlib.decompressobj()
        plain = inflate.decompress(content, _LONGEST)
    except zlib.error:
        return None
    return None if inflate.unconsumed_tail else plain


def _value(stated: re.Match[bytes]) -> str:
    return (stated[1] or stated[2] or b"").decode("latin-1").strip()
