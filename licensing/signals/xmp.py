"""XMP, and the package file of an EPUB: TDMRep, PLUS, words, and manifests kept elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from licensing.signals.language import natural_language
from licensing.signals.markup import parse_xml

_TDM: Final = frozenset({"{http://www.w3.org/ns/tdmrep/}reservation", "tdm:reservation"})
_PLUS: Final = "{http://ns.useplus.org/ldf/xmp/1.0/}DataMining"
_RESOURCE: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}resource"
_PROVENANCE: Final = "{http://purl.org/dc/terms/}provenance"


def xmp_signals(raw: bytes, *, place: str = "tdmrep_pdf") -> tuple[dict[str, Any], ...]:
    """The signals of XMP or of an EPUB's package file (`place` tdmrep_epub).

    What is no XML is unread and never silence, and so is a C2PA manifest that XMP only points to.
    """
    root = parse_xml(raw)
    if root is None:
        return ({"unread": "package file" if place == "tdmrep_epub" else "XMP"},)
    stated = [one for element in root.iter() for one in _statements(element)]
    found: list[dict[str, Any]] = []
    for key, value in stated:
        if key == _PLUS:
            found.append({"plus": value or "unreadable"})
        elif key in _TDM:
            found.append({place: value})
        elif key == _PROVENANCE and value.startswith(("http:", "https:")):
            found.append({"unread": "C2PA manifest elsewhere"})
    return (*found, *natural_language("\n\n".join(value for _, value in stated if value)))


def _statements(element: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  an Element has no stub
    text = (element.text or "").strip()
    yield str(element.tag), element.get(_RESOURCE, text)
    if "property" in element.attrib:
        yield element.attrib["property"], text
    yield from element.attrib.items()
