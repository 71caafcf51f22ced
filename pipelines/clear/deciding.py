"""Decide a request once per distinct rights key, and sum up what each source may use.

In: the keys of all sources and their layers, as known at an instant. Out: a row per source. For now
every source has been keyed; of an instant that is past, the keys are those of that instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from catalog import parts, rights, sources
from licensing.decide import decide
from licensing.facts import Layer, decision_doc, read_layers
from licensing.manifest import canonical, sha256_hex
from licensing.rulebook import load_rulebook
from pipelines.clear.claims import UNMAPPED, Claims
from pipelines.clear.clearance import (
    HOUR_NS,
    NO_END,
    ClipTally,
    Part,
    SourceRow,
    least_free,
)
from pipelines.clear.keying import key_of, keyed_then, unmapped_layer

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.parts import Keying
    from licensing.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """The decision about the layers that a key names: the same in every source."""

    key: str
    doc: Mapping[str, Any]
    raw: bytes  # the canonical form of `doc`, which both its digests are made of
    ends: date


def decide_sources(
    session: Session, request: Request, *, known: datetime | None
) -> tuple[SourceRow, ...]:
    """Decide `request` about every source known then, in the order of their registration."""
    if known is None:
        keyings = parts.keyings(session)
        named = parts.layers_under(session, (key for one in keyings.values() for key in one.keys))
    else:
        keyings, named = keyed_then(session, known=known)
    facts = rights.asked_by_source(session, known=known)
    own = {source_id: read_layers(docs) for source_id, docs in facts.items()}
    by_id = {str(one.layer_id): one for layers in own.values() for one in layers}
    judged: dict[str, _Judged] = {}
    under = {key: _judge(layers_named(ids, by_id), request, judged) for key, ids in named.items()}
    claims = Claims(session, known=known)
    rows = []
    for source in sources.sources(session, known=known):
        keying = keyings[source.source_id]
        held = _held(keying, under)
        if not held:  # no episode, no part: all that is said about the source decides
            inherited = layers_named(sorted(claims.inherited_by(source.source_id)), by_id)
            alone = _judge((*own.get(source.source_id, ()), *inherited), request, judged)
            held = {alone.key: (alone, 0, 0)}
        rows.append(_row(keying, under, held))
    return tuple(rows)


def layers_named(ids: Iterable[str], by_id: Mapping[str, Layer]) -> tuple[Layer, ...]:
    """The layers that a key names, those for streams that nobody mapped too."""
    return tuple(unmapped_layer(one) if one.startswith(UNMAPPED) else by_id[one] for one in ids)


def decision_id(source_id: str, key: str, raw: bytes) -> str:
    """The digest of a decision in its canonical form `raw`, of its key and of its source."""
    said = (raw, canonical(key), canonical(source_id))
    return sha256_hex(b'{"decision":%b,"key":%b,"source":%b}' % said)[:32]


def _judge(layers: Sequence[Layer], request: Request, judged: dict[str, _Judged]) -> _Judged:
    key = key_of(str(one.layer_id) for one in layers)
    if key not in judged:
        doc = decision_doc(decide(layers, request, load_rulebook()))
        ends = _first_end(layers, request.at or NO_END)
        judged[key] = _Judged(key=key, doc=doc, raw=canonical(doc), ends=ends)
    return judged[key]


def _first_end(layers: Sequence[Layer], day: date) -> date:
    ends = [basis.valid[1] for layer in layers for basis in layer.basis if basis.valid]
    return min((end for end in ends if end is not None and end > day), default=NO_END)


def _held(keying: Keying, under: Mapping[str, _Judged]) -> dict[str, tuple[_Judged, int, int]]:
    """How many parts a source holds under each decision, and their nanoseconds."""
    found: dict[str, tuple[_Judged, int, int]] = {}
    for tally in keying.parts:
        one = under[tally.keys[0]]
        _, count, span_ns = found.get(one.key, (one, 0, 0))
        found[one.key] = (one, count + tally.count, span_ns + tally.span_ns)
    return found


def _row(
    keying: Keying,
    under: Mapping[str, _Judged],
    held: Mapping[str, tuple[_Judged, int, int]],
) -> SourceRow:
    parts = {key: _part(keying.source_id, one) for key, one in held.items()}
    clips = tuple(
        ClipTally(
            part=least_free(parts[under[key].key] for key in one.keys),
            num_clips=one.count,
            hours=one.span_ns / HOUR_NS,
        )
        for one in keying.clips
        if one.keys
    )
    cleared = [one for one in clips if one.part.verdict == "permit"]
    return SourceRow(
        source=keying.source_id,
        num_clips=sum(one.num_clips for one in cleared),
        hours=sum(one.hours for one in cleared),
        parts=tuple(parts.values()),
        clips=clips,
    )


def _part(source_id: str, held: tuple[_Judged, int, int]) -> Part:
    one, num_parts, span_ns = held
    return Part(
        source_id=source_id,
        rights_key=one.key,
        decision_id=decision_id(source_id, one.key, one.raw),
        decision_digest=sha256_hex(one.raw),
        verdict=str(one.doc["verdict"]),
        reasons=tuple(one.doc["reasons"]),
        obligations=tuple(one.doc["obligations"]),
        num_parts=num_parts,
        hours=span_ns / HOUR_NS,
        ends=one.ends,
        doc=one.doc,
    )
