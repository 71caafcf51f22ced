"""Section 2 of the EU summary: where the data comes from, each source in one part of it.

In: the facts. Out: the values of 2.1 to 2.6, keyed as the form numbers them, and the fields that
are missing. A source stands where it was acquired; one that was licensed and computed stands with
the licensed ones and is named in 2.5 as counted there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, Final
from urllib.parse import urlsplit

from pipelines.documents.facts import DocumentFacts, SourceFacts
from pipelines.documents.form_words import contents
from pipelines.documents.forms import answer, yes_or_no
from pipelines.documents.sections import Section, asked

LARGE: Final = 0.03  # of the public data of a modality: above it a dataset is named (second-hand)
TOP: Final = 10  # one domain in so many is named (second-hand; smaller firms may name fewer)
MODALITIES: Final = {"audio": "audio", "video": "video"}  # every other stream is "other"


def public(facts: DocumentFacts) -> Section:
    """2.1: datasets that anybody may get; the large ones by name."""
    sources = _acquired(facts, "public")
    if not sources:
        return Section(values=_group(sources))
    hours = _hours(sources)
    large = [
        one
        for one in sources
        if any(each > LARGE * hours[name] for name, each in one.hours.items())
    ]
    others = [one for one in sources if one not in large]
    said = {"others": contents(others)} if others else {}
    return Section(values={**_group(sources), "large": [_named(one) for one in large], **said})


def licensed(facts: DocumentFacts) -> Section:
    """2.2.1: licensed by holders; the form asks whether and what, not from whom."""
    return Section(values=_group(_acquired(facts, "licensed")))


def third_party(facts: DocumentFacts) -> Section:
    """2.2.2: private datasets of others that no holder licensed to the provider."""
    sources = _acquired(facts, "third_party")
    if not sources:
        return Section(values=_group(sources))
    known = [_named(one) for one in sources if one.link]
    return Section(values={**_group(sources), "known": known, "description": contents(sources)})


def crawled(facts: DocumentFacts) -> Section:
    """2.3: crawled and scraped; who crawled and how only people can tell."""
    sources = _acquired(facts, "crawled")
    if not sources:
        return Section(values=_group(sources))
    first, last = zip(*(one.acquired for one in sources), strict=True)
    said, missing = asked(facts, "eu.2.3", "crawlers", "purposes", "behaviour")
    values = {
        **_group(sources), **said, "from": month(min(first)), "to": month(max(last)),
        "content": contents(sources),
    }  # fmt: skip
    if domains := _domains(sources):
        return Section(values={**values, "top_domains": domains}, missing=missing)
    told, lost = asked(facts, "eu.2.3", "top_domains")
    listed = {name: [text] for name, text in told.items()}
    return Section(values={**values, **listed}, missing=(*missing, *lost))


def of_users(facts: DocumentFacts) -> Section:
    """2.4: from users of the model or of other products."""
    sources = _acquired(facts, "user")
    which = ("model_interactions", "other_products")
    if not sources:
        return Section(values={**_group(sources), **dict.fromkeys(which, False)})
    told = {name: yes_or_no(facts, f"eu.2.4.{name}") for name in which}
    lost = tuple(f"eu.2.4.{name}" for name, value in told.items() if value is None)
    said, missing = asked(facts, "eu.2.4", "products")
    known = {name: value for name, value in told.items() if value is not None}
    return Section(values={**_group(sources), **known, **said}, missing=(*lost, *missing))


def synthetic(facts: DocumentFacts) -> Section:
    """2.5: computed and not recorded; what computed it only people can tell."""
    computed = [one for one in facts.sources if one.is_synthetic]
    if not computed:
        return Section(values=_group(computed))
    here = [one.source_id for one in computed if one.acquisition == "synthetic"]
    elsewhere = [one.source_id for one in computed if one.acquisition != "synthetic"]
    said, missing = asked(facts, "eu.2.5", "generating_models", "own_models")
    values = {**_group(computed), "sources": here, "counted_elsewhere": elsewhere, **said}
    return Section(values=values, missing=missing)


def other(facts: DocumentFacts) -> Section:
    """2.6: what stands nowhere else, such as recordings of robots of our own."""
    sources = _acquired(facts, "own")
    if not sources:
        return Section(values=_group(sources))
    said = [answer(facts, "eu.2.6.description") or contents(sources)]
    said += [one.obtained for one in sources if one.obtained]
    return Section(values={**_group(sources), "description": "; ".join(said)})


SOURCES: Final[tuple[tuple[str, str, Callable[[DocumentFacts], Section]], ...]] = (
    ("2.1", "Publicly available datasets", public),
    ("2.2.1", "Datasets commercially licensed by holders of rights", licensed),
    ("2.2.2", "Private datasets obtained from other third parties", third_party),
    ("2.3", "Data crawled and scraped from online sources", crawled),
    ("2.4", "User data", of_users),
    ("2.5", "Synthetic data", synthetic),
    ("2.6", "Other sources of data", other),
)


def month(day: date) -> str:
    """A month as the form writes it."""
    return f"{day:%m/%Y}"


def modalities_of(sources: Iterable[SourceFacts]) -> list[str]:
    """The modalities of the form that these sources hold."""
    return sorted({MODALITIES.get(name, "other") for one in sources for name in one.hours})


def _acquired(facts: DocumentFacts, how: str) -> list[SourceFacts]:
    return [one for one in facts.sources if one.acquisition == how]


def _group(sources: list[SourceFacts]) -> dict[str, Any]:
    return {
        "used": bool(sources),
        "sources": [one.source_id for one in sources],
        "modalities": modalities_of(sources),
    }


def _hours(sources: Iterable[SourceFacts]) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in sources:
        for name, hours in one.hours.items():
            found[name] = found.get(name, 0.0) + hours
    return found


def _named(source: SourceFacts) -> dict[str, str]:
    first, last = source.acquired
    link = {"link": source.link} if source.link else {}
    said = source.obtained or contents([source])
    return {
        "name": source.title, **link, "description": said, "from": month(first), "to": month(last),
    }  # fmt: skip


def _domains(sources: Iterable[SourceFacts]) -> list[str]:
    """The largest tenth of the domains by size, at least one; none if one source names none."""
    sizes: dict[str, int] = {}
    for one in sources:
        name = _host(one.link)
        if name is None:
            return []
        sizes[name] = sizes.get(name, 0) + one.num_bytes
    ranked = sorted(sizes, key=lambda name: (-sizes[name], name))
    return ranked[: -(-len(ranked) // TOP)]


def _host(link: str) -> str | None:
    try:
        return urlsplit(link).hostname
    except ValueError:  # no address: what crawled it has to say the domain
        return None
