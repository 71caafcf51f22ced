"""Facts as sentences, said in the same words by every document that needs them.

In: the facts. Out: lines of text. A creator is named where a licence asks for it, nowhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from pipelines.documents.facts import DocumentFacts, SourceFacts, hours_text

CREDITS: Final = frozenset({"attribute", "keep-notice"})  # duties that ask for a name
_DAYS: Final = frozenset({"at", "known", "profile", "trained_at"})  # say how it was decided


def description(facts: DocumentFacts) -> str:
    """What the set is: as people said, else its size and what it is cleared for."""
    hours = ", ".join(f"{hours_text(each)} h {name}" for name, each in facts.hours().items())
    size = f"{facts.num_clips} clips in {facts.num_rows} rows from {len(facts.sources)} sources"
    cleared = f"cleared on {facts.valid} for: {use(facts)}"
    return facts.answers.get("description") or "; ".join(filter(None, (size, hours, cleared)))


def use(facts: DocumentFacts) -> str:
    """The use that the set was cleared for, by the fields of its request."""
    told = [str(facts.request["action"])]
    for name, value in sorted(facts.request.items()):
        if name not in _DAYS | {"action"} and value is not None:
            told.append(f"{name.replace('_', ' ')}: {_value(value)}")
    return "; ".join(told)


def making(facts: DocumentFacts) -> tuple[str, ...]:
    """What was done to the recordings: one line, and one with each setting of the rendering."""
    settings = ", ".join(f"{name} {value}" for name, value in sorted(facts.render.items()))
    lines = ["Cut to clips, resized, re-encoded, resampled in time."]
    return tuple(lines + ([f"Rendered with: {settings}."] if settings else []))


def collection(facts: DocumentFacts) -> str:
    """How the sources were come by, and when files of them were recorded."""
    ways = Counter(one.acquisition for one in facts.sources)
    first, last = facts.acquired
    told = ", ".join(f"{count} {way.replace('_', ' ')}" for way, count in sorted(ways.items()))
    return f"{len(facts.sources)} sources: {told}. Files were acquired from {first} to {last}."


def left_out(facts: DocumentFacts) -> str:
    """What was not taken, counted by reason; empty where everything was."""
    clips = ", ".join(f"{count} {reason}" for reason, count in sorted(facts.left_out.items()))
    reasons = sorted({reason for one in facts.refused for reason in one.reasons})
    told = [f"Clips left out, by reason: {clips}."] if clips else []
    if facts.refused:
        why = f" ({', '.join(reasons)})" if reasons else ""
        told.append(f"Sources on record that the use was not cleared for: {len(facts.refused)}"
                    f"{why}.")  # fmt: skip
    return " ".join(told)


def persons(facts: DocumentFacts) -> tuple[str, ...]:
    """The layers about persons and how many sources each lies on; who they are is not said."""
    found = Counter(layer for one in facts.sources for layer in one.personal)
    total = len(facts.sources)
    told = tuple(f"{name}: on {count} of {total} sources" for name, count in sorted(found.items()))
    return told or ("No layer about persons lies on any source.",)


def upkeep(facts: DocumentFacts) -> tuple[str, ...]:
    """How versions follow each other; the version before is named by its manifest."""
    told = ["A right that ends or is revoked takes its source out of the next version."]
    if facts.predecessor:
        told.append(f"Replaces the version whose manifest has sha256 {facts.predecessor}.")
    return tuple(told)


def credit(source: SourceFacts) -> str:
    """Who is to be named with a source; empty where no licence of it asks for a name."""
    asked = {duty.partition(":")[0] for duty in source.duties}
    return (source.credit or source.creator) if asked & CREDITS else ""


def creator(source: SourceFacts) -> str:
    """Whom a source is from: by name where a licence asks for it, else as a class of parties."""
    named = source.creator if credit(source) else ""
    return named or f"the party behind a source of class {source.acquisition!r}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(sorted(map(str, value)))
    return str(value)
