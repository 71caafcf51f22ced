"""Signals that travel with a page or a file: HTTP headers, HTML, XMP, EPUB, C2PA.

Raw statements come in as they were captured, before any byte was changed; signals in the JSON form
of a layer go out. What cannot be read is never silence: it becomes a value that no scheme knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from html import unescape
from typing import Any, Final

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

_TDM: Final = "http://www.w3.org/ns/tdmrep/"
_PLUS: Final = "{http://ns.useplus.org/ldf/xmp/1.0/}DataMining"
_RESOURCE: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}resource"
_NO_AI: Final = frozenset({"noai", "noimageai"})
_ENTRIES: Final = frozenset(
    {"data_mining", "ai_inference", "ai_training", "ai_generative_training"}
)
_USES: Final = frozenset({"allowed", "notAllowed", "constrained"})
# Patterns that take linear time on any text; the parser of the standard library does not.
_META: Final = re.compile(r"<meta(?=[\s/])", re.IGNORECASE)
_TAG: Final = re.compile(r"""(?:[^>"']|"[^"]*"|'[^']*')*+""")
_ATTRIBUTE: Final = re.compile(r"""(?<![\w:-])([\w:-]++)\s*+=\s*+("[^"]*"|'[^']*'|[^\s>"']+)""")
_LONGEST_TAG: Final = 4_000
UNREADABLE: Final = "unreadable"


def header_signals(headers: Iterable[tuple[str, str]]) -> tuple[dict[str, Any], ...]:
    """The signals of an HTTP answer: TDMRep, AIPREF and the tags against AI use."""
    stated = [(name.strip().casefold(), value.strip()) for name, value in headers]
    found: list[dict[str, Any]] = [
        {"tdmrep_header": value} for name, value in stated if name == "tdm-reservation"
    ]
    usage = [value for name, value in stated if name == "content-usage"]
    if usage:
        found.append({"aipref": ", ".join(usage).strip() or "="})
    if any(name == "x-robots-tag" and _bars_ai(value) for name, value in stated):
        found.append({"natural_language": "reserved"})
    return tuple(found)


def page_signals(raw: bytes) -> tuple[dict[str, Any], ...]:
    """The signals in the `<meta>` elements of an HTML page."""
    pieces = raw.decode("utf-8", errors="replace").split("<!--")
    shown = "".join([pieces[0], *(one.partition("-->")[2] for one in pieces[1:])])
    found: list[dict[str, Any]] = []
    for piece in _META.split(shown)[1:]:
        stated = _attributes(piece[:_LONGEST_TAG])
        name, content = stated.get("name", "").casefold(), stated.get("content", "")
        if name == "tdm-reservation":
            found.append({"tdmrep_html": content})
        elif name == "robots" and _bars_ai(content):
            found.append({"natural_language": "reserved"})
    return tuple(found)


def xmp_signals(raw: bytes, *, place: str = "tdmrep_pdf") -> tuple[dict[str, Any], ...]:
    """The signals of XMP or of an EPUB's package file (`place` tdmrep_epub): TDMRep and PLUS."""
    try:
        root = fromstring(raw)
    except (ParseError, DefusedXmlException, ValueError, RecursionError, LookupError):
        return ({place: UNREADABLE},)
    found = []
    for one in root.iter():
        for key, value in _statements(one):
            if key == _PLUS:
                found.append({"plus": value or UNREADABLE})
            elif key in {f"{{{_TDM}}}reservation", "tdm:reservation"}:
                found.append({place: value})
    return tuple(found)


def c2pa_signals(store: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The training and mining assertions of a C2PA manifest store, as its reader prints it.

    Every manifest of the store speaks, those of ingredients too. A use that nobody knows is read
    as constrained, so that a person looks at it.
    """
    manifests = store.get("manifests")
    whole = store.get("validation_state") in {"Valid", "Trusted"}
    if not isinstance(manifests, Mapping):
        return ()
    return tuple(
        {"cawg": entries, "valid": whole}
        for _, manifest in sorted(manifests.items())
        for entries in _assertions(manifest)
    )


def _attributes(text: str) -> dict[str, str]:
    """The attributes of one tag, up to its end; of repeated ones the first counts."""
    listed = _ATTRIBUTE.findall(text[: _TAG.match(text).end()])  # type: ignore[union-attr]
    return {key.casefold(): unescape(value).strip("\"' \t\r\n") for key, value in reversed(listed)}


def _bars_ai(value: str) -> bool:
    words = value.casefold().replace(":", ",").split(",")
    return bool(_NO_AI & {word.strip() for word in words})


def _statements(element: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  an Element has no stub
    text = (element.text or "").strip()
    yield str(element.tag), element.get(_RESOURCE, text)
    if "property" in element.attrib:
        yield element.attrib["property"], text
    yield from element.attrib.items()


def _assertions(manifest: object) -> Iterator[dict[str, str]]:
    listed = manifest.get("assertions") if isinstance(manifest, Mapping) else None
    for one in listed if isinstance(listed, list) else ():
        label = one.get("label") if isinstance(one, Mapping) else None
        if isinstance(label, str) and label.split(".")[1:2] == ["training-mining"]:
            yield dict(_uses(one.get("data")))


def _uses(data: object) -> Iterator[tuple[str, str]]:
    entries = data.get("entries") if isinstance(data, Mapping) else None
    if not isinstance(entries, Mapping):
        yield from dict.fromkeys(sorted(_ENTRIES), "constrained").items()
        return
    for key, value in sorted(entries.items()):
        name = key.rpartition(".")[2]
        use = value.get("use") if isinstance(value, Mapping) else None
        if name in _ENTRIES:
            yield name, use if isinstance(use, str) and use in _USES else "constrained"
