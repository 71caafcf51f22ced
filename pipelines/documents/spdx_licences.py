"""Licences in an SPDX document: as found and as decided, each an expression of the SPDX grammar.

In: the facts. Out: elements for expressions and texts, and the names to point at them by. What was
found is no SPDX id until it is decided on: other words than an expression stand as a licence of
their own with those words as its text. A source that rests on no licence is concluded to have none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from licensing.expression import leaves, parse
from licensing.expression.trees import spdx_ids
from pipelines.documents.facts import DocumentFacts, LicenceFact, SourceFacts
from pipelines.documents.required import missing

REF: Final = "LicenseRef-"
NONE_FOUND: Final = "expandedlicensing_NoneLicense"
NOT_SAID: Final = "expandedlicensing_NoAssertionLicense"
Json = dict[str, Any]


def concluded(facts: DocumentFacts, source: SourceFacts) -> str:
    """The expression of what the decisions about a source rest on; empty if on no licence.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING for a name that is no SPDX expression.
    """
    for one in source.licences:
        if not _is_expression(one.concluded):
            raise missing(
                facts,
                f"{source.source_id}.licence",
                document="spdx3.json",
                got=one.concluded,
                expected="an SPDX id, an expression of them, or a LicenseRef-",
                way_out="state the licence of the instrument by an id: `clearway licence list`",
            )
    return all_of(one.concluded for one in source.licences)


def declared(source: SourceFacts) -> str:
    """The expression of what was found at a source; empty if nothing was."""
    return all_of(_as_found(one) for one in source.licences)


def all_of(expressions: Iterable[str]) -> str:
    """One expression that demands each; the same one twice is said once."""
    each = sorted(set(filter(None, expressions)))
    return each[0] if len(each) == 1 else " AND ".join(_inside(one) for one in each)


def expression_elements(facts: DocumentFacts, expressions: Iterable[str]) -> Iterator[Json]:
    """An element for each expression, and one with the text of each licence that has no id."""
    texts = _texts(facts)
    used: set[str] = set()
    for one in sorted(set(filter(None, expressions))):
        own = sorted({name for name in leaves(parse(one) or one) if name.startswith(REF)})
        used |= set(own)
        found: Json = {
            "type": "simplelicensing_LicenseExpression",
            "spdxId": expression_id(facts, one),
            "simplelicensing_licenseExpression": one,
        }
        if own:
            found["simplelicensing_customIdToUri"] = [
                {"type": "DictionaryEntry", "key": name, "value": facts.urn_of("text", name)}
                for name in own
            ]
        yield found
    for name in sorted(used):
        yield {
            "type": "simplelicensing_SimpleLicensingText",
            "spdxId": facts.urn_of("text", name),
            "name": name,
            "simplelicensing_licenseText": texts[name],
        }


def expression_id(facts: DocumentFacts, expression: str) -> str:
    """How other elements name an expression."""
    return facts.urn_of("expression", expression)


def why(source: SourceFacts) -> str:
    """On what a conclusion rests: papers with grade and term, or the other grounds by kind."""
    if source.licences:
        return "; ".join(_paper(one) for one in source.licences)
    grounds = sorted({base for one in source.layers for base in one.bases})
    return f"The use rests on no licence, but on: {', '.join(grounds) or 'nothing on record'}."


def _texts(facts: DocumentFacts) -> dict[str, str]:
    """The text of each licence without an SPDX id, by its name; of all that share one."""
    found: dict[str, dict[str, None]] = {}
    for source in sorted(facts.sources, key=lambda one: one.source_id):
        for one in source.licences:
            for name in leaves(parse(one.concluded) or one.concluded):
                found.setdefault(name, {})[_text(one)] = None
            found.setdefault(_as_found(one), {one.declared: None})
    return {name: "\n\n".join(texts) for name, texts in found.items()}


def _text(one: LicenceFact) -> str:
    if one.text:
        return one.text
    if one.kind == "agreement":
        named = ", ".join(filter(None, (one.instrument or one.declared, _term(one))))
        return (
            f"Agreement {named}. Its text is not part of this set; what it asks for is in "
            "documents/NOTICE."
        )
    where = f" at {one.url}" if one.url else ""
    return f"Named as {one.declared!r}{where}. No text of it was kept."


def _paper(one: LicenceFact) -> str:
    told = (
        f"{one.concluded}: {one.kind}",
        f"number {one.instrument}" if one.instrument else "",
        f"found as {one.declared!r}",
        f"evidence {one.grade}" if one.grade else "",
        _term(one),
    )
    return ", ".join(filter(None, told))


def _term(one: LicenceFact) -> str:
    first = f"from {one.starts}" if one.starts else ""
    return " ".join(filter(None, (first, f"until before {one.ends}" if one.ends else "")))


def _as_found(one: LicenceFact) -> str:
    """What a source says of itself: an expression, else a licence that is named by its words."""
    if one.declared == one.concluded or _is_expression(one.declared):
        return one.declared
    return f"{REF}found-{hashlib.sha256(one.declared.encode()).hexdigest()[:16]}"


def _is_expression(text: str) -> bool:
    tree = parse(text)
    return tree is not None and all(
        name.startswith(REF) or name.casefold() in spdx_ids() for name in leaves(tree)
    )


def _inside(expression: str) -> str:
    return f"({expression})" if " OR " in expression else expression
