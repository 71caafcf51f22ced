"""What a training set holds, in the words of forms: kinds of content, protection, processing.

In: the facts. Out: sentences and names that several forms share, so that they agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from licensing.facts.vocabulary import EU_MEMBERS
from pipelines.documents.facts import DocumentFacts, SourceFacts
from pipelines.documents.sourcing import is_public_domain

CONTENT: Final = {
    "video": "films and other camera recordings",
    "game": "recordings of games that were played",
    "robot": "recordings of robots at work",
    "sensor": "recordings of sensors",
    "synthetic": "recordings of computed worlds",
}
ACQUIRED: Final = {
    "public": "publicly available",
    "licensed": "licensed by its holder",
    "third_party": "obtained from another third party",
    "crawled": "crawled",
    "user": "from users of a product",
    "synthetic": "synthetic",
    "own": "made by the developer",
}
WORKS: Final = frozenset({"copyright", "neighbouring", "game_av", "sui_generis_db"})


def contents(sources: Iterable[SourceFacts]) -> str:
    """The kinds of content of these sources, as a list in words."""
    return ", ".join(sorted({CONTENT.get(one.modality, one.modality) for one in sources}))


def is_protected(source: SourceFacts) -> bool:
    """Whether a right of an author, a performer or a maker lies on a source."""
    works = [one for one in source.layers if one.layer in WORKS]
    return any(not any(map(is_public_domain, one.bases)) for one in works)


def processing(facts: DocumentFacts) -> str:
    """What was done with the recordings, and to what end."""
    spec = facts.render
    return (
        f"Recordings were cut into clips; pictures were decoded, resized to {spec['width']}x"
        f"{spec['height']} pixels, resampled to {spec['fps']:g} a second and encoded as "
        f"{spec['codec']}; numbers were brought onto the clock of the pictures and stale values "
        "masked, so that all rows have one size and one clock."
    )


def left_out(facts: DocumentFacts) -> str:
    """How many clips were left out, by reason."""
    if not facts.left_out:
        return "No clip was left out."
    counts = ", ".join(f"{why}: {number}" for why, number in sorted(facts.left_out.items()))
    return f"Clips that were left out, by reason: {counts}."


def refusals(facts: DocumentFacts) -> dict[str, int]:
    """How many sources were refused, by reason code; one source may have several."""
    codes = (
        code
        for one in facts.refused
        for code in {reason.partition(":")[0].strip() for reason in one.reasons}
    )
    return dict(sorted(Counter(codes).items()))


def schemes(sources: Iterable[SourceFacts]) -> dict[str, int]:
    """At how many sources a statement about use was found, by its scheme."""
    found = (name for one in sources for name in {each.scheme for each in one.signals})
    return dict(sorted(Counter(found).items()))


def is_in_union(facts: DocumentFacts) -> bool | None:
    """Whether the maker of a set is established in the EU; None where its seat is not known."""
    seat = facts.organisation.jurisdiction.partition("-")[0]
    return seat in {*EU_MEMBERS, "EU"} if seat else None
