"""Which files speak about recordings and are none themselves, by their names.

Such a file is a companion whatever its words look like, and scan reads what it says about rights.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

BY_NAME = {
    "tdmrep.json": "TDMRep file",
    "robots.txt": "robots.txt",
    "rsl.xml": "RSL",
}
BY_SUFFIX = {
    ".rsl": "RSL",
    ".xmp": "XMP",
    ".headers": "HTTP headers",
    ".http": "HTTP headers",
    ".html": "page",
    ".htm": "page",
    ".xhtml": "page",
    ".c2pa": "C2PA manifest",
    ".pdf": "PDF",
    ".epub": "EPUB",
}
DOCUMENTS = frozenset({"PDF", "EPUB"})  # known by their bytes; a name alone makes none
_TEXT = re.compile(
    r"(licen[cs]e|notice|copying|copyright|terms|tos|eula|legal|conditions|read[ _-]?me)([ ._-].*)?"
)
_LOGS = frozenset({".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet"})


def statement_place(path: str) -> str:
    """The kind of statement that a file of this name holds; empty for every other file."""
    name = PurePosixPath(path).name.lower()
    suffix = PurePosixPath(name).suffix
    if name in BY_NAME:
        return BY_NAME[name]
    if suffix in BY_SUFFIX:
        return BY_SUFFIX[suffix]
    return "text" if _TEXT.fullmatch(name) and suffix not in _LOGS else ""
