"""EPUB: the package file inside the zip, reached through `container.xml`, without unpacking."""

from __future__ import annotations

import zipfile
import zlib
from typing import IO

from licensing.signals.markup import LONGEST_XML, parse_xml

_CONTAINER = "META-INF/container.xml"
_ROOTFILE = "{urn:oasis:names:tc:opendocument:xmlns:container}rootfile"
_MOST_RENDITIONS = 16
_UNREADABLE = (
    *(OSError, ValueError, KeyError, EOFError, RuntimeError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error),
)


def package_files(stream: IO[bytes]) -> tuple[bytes, ...] | None:
    """The package files of an EPUB, one a rendition; None when the book cannot be read so far."""
    try:
        with zipfile.ZipFile(stream) as book:
            root = parse_xml(_member(book, _CONTAINER))
            if root is None:
                return None
            paths = dict.fromkeys(one.get("full-path", "") for one in root.iter(_ROOTFILE))
            found = tuple(_member(book, path) for path in [*paths][:_MOST_RENDITIONS])
    except _UNREADABLE:
        return None
    return found or None


def _member(book: zipfile.ZipFile, name: str) -> bytes:
    """At most one byte more than is looked at, whatever the zip says of the member's size."""
    with book.open(name) as member:
        return member.read(LONGEST_XML + 1)
