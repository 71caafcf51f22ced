"""The door to XML: a root element, or None for what is broken, hostile or too long to be one."""

from __future__ import annotations

from typing import Any, Final

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

LONGEST_XML: Final = 2 << 20  # bytes; a tree takes some fifty times as much memory


def parse_xml(raw: bytes) -> Any:  # noqa: ANN401  an Element has no stub
    """The root of the document `raw`; entities, external references and padding are no part."""
    if len(raw) > LONGEST_XML:
        return None
    try:
        return fromstring(raw.strip(b" \t\r\n\0"))
    except (ParseError, DefusedXmlException, ValueError, RecursionError, LookupError):
        return None
