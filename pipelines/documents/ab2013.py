"""California AB 2013 (Civil Code 3111(a)): twelve items about the data that trained a system.

In: the facts. Out: `ab2013.md` and `ab2013.json`. The statute asks about a system; for a single
training set this is a draft and says so. What no fact answers is taken from what people answered;
what nobody answered is named as missing in a draft, and stops the final form. Items 10 to 12 were
read second-hand: compare with the statute before a publication.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pipelines.documents.facts import DocumentFacts, hours_text
from pipelines.documents.form_words import ACQUIRED, contents, is_protected, left_out, processing
from pipelines.documents.forms import (
    answer,
    json_bytes,
    lacking,
    text_bytes,
    yes_or_no,
)
from pipelines.documents.markdown import plain
from pipelines.documents.required import no_draft, require

FORM: Final = "California AB 2013, Civil Code 3111(a)"
SYSTEM: Final = "ab2013.system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of the statute: what is said in words, the same as values, and what is missing."""

    says: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def build(facts: DocumentFacts, *, draft: bool = True) -> dict[str, bytes]:
    """Write `ab2013.md` and `ab2013.json`; the final form refuses where an item is missing.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING or DOCUMENT_FIELD_INVALID.
    """
    mandatory: dict[str, object] = {f"{one.source_id}.title": one.title for one in facts.sources}
    require(facts, mandatory, document="ab2013.json")
    if not draft:
        no_draft(facts, missing(facts), document="ab2013.json")
    items = [(title, make(facts)) for title, make in ITEMS]
    doc = {
        "form": FORM,
        "status": "draft" if draft else "final",
        "about": {"training_set": facts.described, "content_sha256": facts.content_digest},
        "developer": facts.organisation.name,
        "system": answer(facts, SYSTEM) or None,
        "day": facts.valid.isoformat(),
        "items": [
            {"item": number, "title": title, "says": list(one.says), "values": dict(one.values),
             "missing": list(one.missing)}
            for number, (title, one) in enumerate(items, start=1)
        ],
        "missing": list(missing(facts)),
    }  # fmt: skip
    return {"ab2013.md": text_bytes([*_page(doc)]), "ab2013.json": json_bytes(doc)}


def missing(facts: DocumentFacts) -> tuple[str, ...]:
    """The fields that neither a fact nor an answer fills."""
    head = () if answer(facts, SYSTEM) else (SYSTEM,)
    return (*head, *(name for _, make in ITEMS for name in make(facts).missing))


def _sources(facts: DocumentFacts) -> Item:
    rows = [
        {"source": one.source_id, "title": one.title, "owner": one.creator,
         "acquisition": one.acquisition}
        for one in facts.sources
    ]  # fmt: skip
    says = tuple(
        f"{one.title}{f', {one.creator}' if one.creator else ''}: "
        f"{ACQUIRED.get(one.acquisition, one.acquisition)}"
        for one in facts.sources
    )
    return Item(says=says, values={"sources": rows})


def _number(facts: DocumentFacts) -> Item:
    hours = {name: hours_text(each) for name, each in facts.hours().items()}
    spent = ", ".join(f"{each} h {name}" for name, each in hours.items())
    values = {
        "clips": facts.num_clips, "rows": facts.num_rows, "frames": facts.num_frames,
        "bytes": facts.num_bytes, "hours": hours,
    }  # fmt: skip
    said = f"{facts.num_clips} clips in {facts.num_rows} rows, {facts.num_frames} frames"
    return Item(says=(f"{said}, {facts.num_bytes} bytes; hours: {spent or 'none'}",), values=values)


def _types(facts: DocumentFacts) -> Item:
    kinds = sorted({str(one.get("kind", "")) for one in facts.channels} - {""})
    numbers = {kind: sum(one.get("kind") == kind for one in facts.channels) for kind in kinds}
    says = [f"Content: {contents(facts.sources)}", f"Streams: {', '.join(facts.hours()) or 'none'}"]
    says += [f"Channels of numbers, {kind}: {number}" for kind, number in numbers.items()]
    modalities = sorted({one.modality for one in facts.sources})
    values = {"modalities": modalities, "streams": [*facts.hours()], "channels": numbers}
    return Item(says=tuple(says), values=values)


def _protection(facts: DocumentFacts) -> Item:
    protected = [one.source_id for one in facts.sources if is_protected(one)]
    said = {name: yes_or_no(facts, f"ab2013.5.{name}") for name in ("trademark", "patent")}
    names = list(dict.fromkeys(one.concluded for one in facts.licences))
    whole = not protected and not any(said.values())
    says = [
        f"Protected by copyright or a right beside it: {_yes(protected)}",
        *(f"{name.capitalize()}: {answer(facts, f'ab2013.5.{name}')}"
          for name, value in said.items() if value is not None),
        f"Terms and licences: {', '.join(names) or 'none'}",
    ]  # fmt: skip
    if None not in said.values():
        says.append(f"Entirely in the public domain: {_yes(whole)}")
    values = {"copyright": bool(protected), "sources": protected, "licences": names, **said}
    lost = tuple(f"ab2013.5.{name}" for name, value in said.items() if value is None)
    return Item(says=tuple(says), values=values, missing=lost)


def _licensed(facts: DocumentFacts) -> Item:
    agreed = [
        one.source_id
        for one in facts.sources
        if one.acquisition == "licensed" or any(each.kind == "agreement" for each in one.licences)
    ]
    public = [
        one.source_id
        for one in facts.sources
        if any(each.kind == "public licence" for each in one.licences)
    ]
    says = (
        f"Purchased or licensed by agreement: {_named(agreed)}",
        f"Under public licences: {_named(public)}",
    )
    values = {"licensed": bool(agreed), "agreements": agreed, "public_licences": public}
    return Item(says=says, values=values)


def _personal(facts: DocumentFacts) -> Item:
    layers = sorted({name for one in facts.sources for name in one.personal})
    said = f"{_yes(layers)}: layers {', '.join(layers)}" if layers else "no layer about persons"
    return Item(
        says=(f"Personal information: {said}",),
        values={"personal_information": bool(layers), "layers": layers},
    )


def _processing(facts: DocumentFacts) -> Item:
    values = {"render": dict(facts.render), "left_out": dict(facts.left_out)}
    return Item(says=(processing(facts), left_out(facts)), values=values)


def _period(facts: DocumentFacts) -> Item:
    first, last = facts.acquired
    name = "ab2013.10.ongoing"
    ongoing = yes_or_no(facts, name)
    says = [f"From {first} to {last}"]
    says += [f"{one.title}: {one.acquired[0]} to {one.acquired[1]}" for one in facts.sources]
    if ongoing is not None:
        says.append(f"Collection is ongoing: {answer(facts, name)}")
    values = {"first": first.isoformat(), "last": last.isoformat(), "ongoing": ongoing}
    return Item(says=tuple(says), values=values, missing=(name,) if ongoing is None else ())


def _synthetic(facts: DocumentFacts) -> Item:
    found = [one.source_id for one in facts.sources if one.is_synthetic]
    need = answer(facts, "ab2013.12")  # the statute allows a word on why, and asks for none
    says = [f"Synthetic data: {_named(found)}", *([need] if need else [])]
    return Item(says=tuple(says), values={"synthetic": bool(found), "sources": found})


def _answered(name: str) -> Callable[[DocumentFacts], Item]:
    """An item that only people can answer."""

    def item(facts: DocumentFacts) -> Item:
        said = answer(facts, name)
        return Item(says=(said,)) if said else Item(missing=(name,))

    return item


def _consumers(facts: DocumentFacts) -> Item:
    said = yes_or_no(facts, "ab2013.8")
    if said is None:
        return Item(missing=("ab2013.8",))
    return Item(says=(answer(facts, "ab2013.8"),), values={"aggregate_consumer_information": said})


ITEMS: Final[tuple[tuple[str, Callable[[DocumentFacts], Item]], ...]] = (
    ("Sources or owners of the datasets", _sources),
    ("How the datasets further the intended purpose", _answered("ab2013.2")),
    ("Number of data points", _number),
    ("Types of data points", _types),
    ("Copyright, trademark, patent, or public domain", _protection),
    ("Whether the datasets were purchased or licensed", _licensed),
    ("Personal information, Civil Code 1798.140(v)", _personal),
    ("Aggregate consumer information, Civil Code 1798.140(b)", _consumers),
    ("Cleaning, processing or other modification, and its purpose", _processing),
    ("Time in which the data were collected", _period),
    ("Dates on which the datasets were first used in development", _answered("ab2013.11")),
    ("Synthetic data generation", _synthetic),
)


def _page(doc: Mapping[str, Any]) -> Iterator[str]:
    name = doc["about"]["training_set"]
    yield from (f"# {FORM}: {doc['status']}", "")
    if doc["status"] == "draft":
        yield from (
            f"This is a draft. It describes one training set, {plain(name)}; the statute asks "
            "about a system and all data that it was trained on.",
            "",
        )
    yield from (
        f"Developer: {plain(doc['developer'])}",
        "",
        f"System: {plain(doc['system'])}" if doc["system"] else f"System: {lacking(SYSTEM)}",
        "",
        f"Day: {doc['day']}",
    )
    for one in doc["items"]:
        yield from ("", f"## {one['item']}. {one['title']}", "")
        yield from (f"* {plain(said)}" for said in one["says"])
        yield from (f"* {lacking(field)}" for field in one["missing"])


def _named(sources: list[str]) -> str:
    return f"yes ({', '.join(sources)})" if sources else "no"


def _yes(value: object) -> str:
    return "yes" if value else "no"
