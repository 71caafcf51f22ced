"""Decide a request once per distinct rights key, and sum up what each source may use.

In: the keys of all sources and their layers, as known at an instant. Out: a row per source. Every
source has been keyed. A key names layers: of those recorded after `known` it knows nothing yet, and
what is left of it is the key that was decided then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from catalog import parts, rights, sources
from licensing.checklist import is_question
from licensing.decide import decide
from licensing.facts import Layer, decision_doc, read_layers
from licensing.manifest import canonical, sha256_hex
from licensing.rulebook import load_rulebook
from pipelines.clear.clearance import HOUR_NS, NO_END, Part, SourceRow
from pipelines.clear.keying import UNMAPPED, key_of, unmapped_layer

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
    """Decide `request` about every source, in the order of their registration."""
    keyings = parts.keyings(session)
    facts = rights.asked_by_source(session, known=known)
    own = {source_id: read_layers(docs) for source_id, docs in facts.items()}
    by_id = {str(one.layer_id): one for layers in own.values() for one in layers}
    named = parts.layers_under(session, (key for one in keyings.values() for key in one.keys))
    judged: dict[str, _Judged] = {}
    under = {
        key: _judge(_layers(ids, by_id, complete=known is None), request, judged)
        for key, ids in named.items()
    }
    rows = []
    for source in sources.sources(session):
        keying = keyings[source.source_id]
        if known is not None:  # a question that is answered now may have been open then
            asked = [one for one in own.get(source.source_id, ()) if is_question(one)]
            under |= {
                key: _judge(_then(named[key], by_id, asked), request, judged) for key in keying.keys
            }
        held = _held(keying, under)
        if not held:  # no episode, no part: all that is said about the source decides
            alone = _judge(own.get(source.source_id, ()), request, judged)
            held = {alone.key: (alone, 0, 0)}
        rows.append(_row(keying, under, held))
    return tuple(rows)


def _layers(ids: Sequence[str], by_id: Mapping[str, Layer], *, complete: bool) -> tuple[Layer, ...]:
    """The layers with these ids; what was known earlier need not be complete."""
    return tuple(
        unmapped_layer(one) if one.startswith(UNMAPPED) else by_id[one]
        for one in ids
        if complete or one.startswith(UNMAPPED) or one in by_id
    )


def _then(
    ids: Sequence[str], by_id: Mapping[str, Layer], asked: Sequence[Layer]
) -> tuple[Layer, ...]:
    """The layers that were known then, with the questions that were open then."""
    found = _layers(ids, by_id, complete=False)
    return (*(one for one in found if not is_question(one)), *asked)


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
    cleared = [
        one
        for one in keying.clips
        if one.keys and all(under[key].doc["verdict"] == "permit" for key in one.keys)
    ]
    return SourceRow(
        source=keying.source_id,
        num_clips=sum(one.count for one in cleared),
        hours=sum(one.span_ns for one in cleared) / HOUR_NS,
        parts=tuple(_part(keying.source_id, one) for one in held.values()),
    )


def _part(source_id: str, held: tuple[_Judged, int, int]) -> Part:
    one, num_parts, span_ns = held
    return Part(
        source_id=source_id,
        rights_key=one.key,
        decision_id=_decision_id(source_id, one),
        decision_digest=sha256_hex(one.raw),
        verdict=str(one.doc["verdict"]),
        reasons=tuple(one.doc["reasons"]),
        obligations=tuple(one.doc["obligations"]),
        num_parts=num_parts,
        hours=span_ns / HOUR_NS,
        ends=one.ends,
        doc=one.doc,
    )


def _decision_id(source_id: str, one: _Judged) -> str:
    """The digest of decision, key and source; the decision is written out once for all sources."""
    key, source = canonical(one.key), canonical(source_id)
    return sha256_hex(b'{"decision":%b,"key":%b,"source":%b}' % (one.raw, key, source))[:32]
