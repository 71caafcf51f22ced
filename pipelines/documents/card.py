"""The dataset card: what a training set is, on whose rights it rests, what was left out and why.

In: the facts. Out: `README.md` with the YAML head that hubs read. A set under several licences has
none of them as its own: it says `other` and points to NOTICE.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import StringIO
from itertools import chain, pairwise
from typing import Any, Final

from ruamel.yaml import YAML

from licensing.expression.trees import spdx_ids
from pipelines.documents import wording
from pipelines.documents.facts import DocumentFacts, SourceFacts, hours_text
from pipelines.documents.markdown import plain, table

STEPS: Final = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")  # from 10**3
SIZES: Final = (
    (10**3, "n<1K"),
    *((10 ** (4 + n), f"{low}<n<{high}") for n, (low, high) in enumerate(pairwise(STEPS))),
)
TASKS: Final = {"robot": "robotics", "video": "video-classification"}


def build(facts: DocumentFacts) -> dict[str, bytes]:
    """Write `README.md`."""
    parts = (
        _head(facts), _motivation(facts), _composition(facts), _rights(facts), _signals(facts),
        _left_out(facts), _making(facts), _uses(facts), _proof(facts),
    )  # fmt: skip
    return {"README.md": ("\n".join(chain.from_iterable(parts)) + "\n").encode()}


def size_category(rows: int) -> str:
    """The bin in which hubs sort a set of so many rows."""
    return next((name for most, name in SIZES if rows < most), f"n>{STEPS[-1]}")


def _head(facts: DocumentFacts) -> Iterator[str]:
    licence = _one_licence(facts)
    head: dict[str, Any] = {
        "pretty_name": facts.set_id,
        "license": licence.lower() or "other",
    }
    if not licence:
        head |= {"license_name": "several-see-notice", "license_link": "NOTICE"}
    head |= {
        "size_categories": [size_category(facts.num_rows)],
        "tags": sorted({"clearway", "world-model", *(one.modality for one in facts.sources)}),
    }
    if tasks := sorted({TASKS[one.modality] for one in facts.sources if one.modality in TASKS}):
        head["task_categories"] = tasks
    text = StringIO()
    YAML(typ="safe", pure=True).dump(head, text)
    yield from ("---", text.getvalue().rstrip(), "---", "", f"# {plain(facts.set_id)}", "")


def _one_licence(facts: DocumentFacts) -> str:
    """The one id of the SPDX list on which every layer of every source rests; empty if none is.

    What a consent or an agreement grants is under no licence, and an expression is no id.
    """
    grounds = {base for one in facts.sources for each in one.layers for base in each.bases}
    grounds |= {one.concluded for one in facts.licences}
    bare = any(not one.licences for one in facts.sources)
    only = "" if bare or len(grounds) != 1 else min(grounds)
    return only if only.casefold() in spdx_ids() else ""


def _motivation(facts: DocumentFacts) -> Iterator[str]:
    yield from (
        f"Made by {plain(facts.organisation.name)} on {facts.valid} for the request "
        f"`{facts.request_name or 'unnamed'}`: {_asked(facts.request)}.",
        "",
    )
    if purpose := facts.answers.get("card.motivation"):
        yield from (plain(purpose), "")


def _composition(facts: DocumentFacts) -> Iterator[str]:
    hours = ", ".join(f"{hours_text(each)} h {name}" for name, each in facts.hours().items())
    splits = ", ".join(f"{count} {name}" for name, count in facts.splits.items())
    yield from (
        "## Composition",
        "",
        f"{facts.num_clips} clips in {facts.num_rows} rows, {facts.num_frames} frames, "
        f"{facts.num_bytes} bytes; {hours}. Clips by split: {splits}.",
        "",
    )
    yield from table(
        ("source", "title", "modality", "creator", "clips", "rows", "bytes", "hours"),
        [
            (one.source_id, one.title, one.modality, wording.creator(one),
             one.num_clips, one.num_rows, one.num_bytes, _hours(one))
            for one in facts.sources
        ],
    )  # fmt: skip
    if fictional := [one.source_id for one in facts.sources if one.fictional]:
        yield from ("", f"Fictional, made for demonstration: {plain(', '.join(fictional))}.")
    yield ""


def _rights(facts: DocumentFacts) -> Iterator[str]:
    yield from (
        "## Rights",
        "",
        "Each part stays under its own terms; NOTICE holds the duties.",
        "",
    )
    yield from table(
        ("source", "layer", "stream", "basis", "grade", "verdict", "ends on"),
        [
            (source.source_id, layer.layer, layer.stream or "all", ", ".join(layer.bases),
             layer.grade, layer.verdict, layer.ends or "")
            for source in facts.sources
            for layer in source.layers
        ],
    )  # fmt: skip
    yield ""


def _signals(facts: DocumentFacts) -> Iterator[str]:
    yield from ("## Signals found at the sources", "")
    yield from table(
        ("source", "scheme", "place", "value", "observed"),
        [
            (source.source_id, one.scheme, one.place, one.value, one.observed or "")
            for source in facts.sources
            for one in source.signals
        ],
    )
    yield ""


def _left_out(facts: DocumentFacts) -> Iterator[str]:
    yield from ("## What was left out, and why", "")
    yield from table(("clips", "reason"), [(n, why) for why, n in sorted(facts.left_out.items())])
    yield ""
    yield from table(
        ("source", "verdict", "reasons", "hours of recordings"),
        [
            (one.source_id, one.verdict, ", ".join(one.reasons), hours_text(one.hours))
            for one in facts.refused
        ],
    )
    yield ""


def _making(facts: DocumentFacts) -> Iterator[str]:
    first, last = facts.acquired
    spec = facts.render
    yield from (
        "## Collection and preprocessing",
        "",
        f"Files were recorded in the lake from {first} to {last}. Clips were cut from episodes, "
        f"decoded, resized to {spec['width']}x{spec['height']} pixels, resampled to "
        f"{spec['fps']:g} pictures a second and encoded as {plain(spec['codec'])} in groups of "
        f"{spec['gop']}; actions and states were brought onto the clock of the pictures, stale "
        "values are masked.",
        "",
    )
    yield from table(
        ("source", "how it was come by", "in words"),
        [(one.source_id, one.acquisition, one.obtained) for one in facts.sources],
    )
    yield ""


def _uses(facts: DocumentFacts) -> Iterator[str]:
    yield from (
        "## Uses, and uses refused",
        "",
        f"Cleared for: {_asked(facts.request)}, under the profile {plain(facts.profile)}. Any "
        "other use is refused until it is decided anew. The gate of the trainer checks this.",
        "",
    )
    persons = sorted({name for one in facts.sources for name in one.personal})
    said = f"Layers about persons: {', '.join(persons)}." if persons else "No layer about persons."
    yield from (said, "")
    for field, head in (("rai.dataBiases", "Biases"), ("rai.dataLimitations", "Limitations")):
        if text := facts.answers.get(field):
            yield from (f"{head}: {plain(text)}", "")


def _proof(facts: DocumentFacts) -> Iterator[str]:
    yield from (
        "## Distribution, maintenance, and how to verify",
        "",
        f"Content sha256 `{facts.content_digest}`; rulebook sha256 `{facts.rulebook_digest}`; "
        f"nothing here is cleared from {facts.not_after} on.",
        f"This version replaces the manifest `{facts.predecessor}`."
        if facts.predecessor
        else "This is the first version.",
        "",
        "```",
        "clearway verify SET/ --key FILE.pub --revocations FILE",
        "```",
    )


def _hours(source: SourceFacts) -> str:
    return ", ".join(f"{name} {hours_text(each)}" for name, each in sorted(source.hours.items()))


def _asked(request: Mapping[str, Any]) -> str:
    said = {key: value for key, value in sorted(request.items()) if key not in {"name", "title"}}
    return ", ".join(f"{plain(key)} {plain(_value(value))}" for key, value in said.items())


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
