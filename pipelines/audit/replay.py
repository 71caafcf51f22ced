"""Replay a decision: compute it again from what was on record then, and compare bit for bit.

In: a recorded decision. Its inputs are its request, the layers that its rights key names, and the
facts behind them as they were known when it was recorded; the rulebook must be the one it was made
with. Out: the fields that come out otherwise, none if the record is right. Nothing is taken from
the decision's own proof but the request, which the digest of the row vouches for. Where an erasure
took the name of the file that a signal is about, the signal is taken to speak of every file that it
may have been: a decision that comes out otherwise then is not said to differ, but named with the
erasures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from catalog import decisions, erasures, parts, rights
from catalog.engine import open_catalog, reading
from licensing.checklist import question_layer
from licensing.decide import decide
from licensing.facts import Decision, Layer, decision_doc, read_layers
from licensing.manifest import canonical, sha256_hex
from licensing.request import read_request, request_digest, undated
from licensing.rulebook import Rulebook, load_rulebook
from pipelines.audit.standing import Standing, standings
from pipelines.clear.claims import UNMAPPED, Claims
from pipelines.clear.deciding import decision_id, layers_named
from pipelines.clear.keying import key_of
from pipelines.errors import ReplayError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.decisions import DecisionRow
    from pipelines.settings import Settings

READ = 200  # decisions that are held at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that comes out otherwise; a field that one side lacks is None there."""

    field: str
    recorded: Any
    recomputed: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A decision that was computed again, and whether it still stands: that is no part of it.

    `erased_by` names the erasures that may be why it differs.
    """

    row: DecisionRow
    differences: tuple[Difference, ...]
    standing: Standing
    erased_by: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """`equal`, `differs`, or `input erased`: nobody can tell any more."""
        if not self.differences:
            return "equal"
        return "input erased" if self.erased_by else "differs"

    def line(self) -> dict[str, Any]:
        """The JSON line of `audit replay --json`."""
        return {
            "decision": self.row.decision_id,
            "source": self.row.source_id,
            "request": self.row.request_name or self.row.request_digest,
            "verdict": self.row.verdict,
            "valid": self.row.valid,
            "known": self.row.known,
            **self.standing.line(),
            "equal": not self.differences,
            "outcome": self.outcome,
            "erased_by": list(self.erased_by),
            "differences": [
                {"field": one.field, "recorded": one.recorded, "recomputed": one.recomputed}
                for one in self.differences
            ],
        }


def replay(wanted: str, settings: Settings) -> tuple[Replayed, ...]:
    """Compute one decision again, once for each time that it was recorded.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
        ReplayError: RULEBOOK_OTHER, it was made with a rulebook that is not installed.
    """
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        name = decisions.decision(session, wanted).decision_id
        done = tuple(_replay_each(session, [name], load_rulebook()))
    for one in done:
        if isinstance(one, ReplayError):
            raise one
    return tuple(one for one in done if isinstance(one, Replayed))


def decisions_to_replay(settings: Settings, *, sample: int | None, seed: str) -> tuple[str, ...]:
    """The ids of all decisions, or `sample` of them: the same ones for the same seed."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        ids = decisions.decision_ids(session)
    if sample is None or sample >= len(ids):
        return ids
    mixed = sorted(ids, key=lambda one: hashlib.sha256(f"{seed} {one}".encode()).digest())
    chosen = set(mixed[:sample])
    return tuple(one for one in ids if one in chosen)


def replay_many(settings: Settings, ids: Iterable[str]) -> Iterator[Replayed | ReplayError]:
    """Compute these decisions again, in one consistent state of the catalog.

    In the place of one that was made with another rulebook comes the error that says so.
    """
    wanted = tuple(ids)
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        for start in range(0, len(wanted), READ):
            yield from _replay_each(session, wanted[start : start + READ], load_rulebook())


def decided_as_of(session: Session, row: DecisionRow, *, valid: date, known: datetime) -> Decision:
    """Decide what a recorded decision is about once more: on another day, with what was known then.

    The layers are those that its rights key names, as far as they were on record.
    """
    ids, by_id = _Facts(session).under(replace(row, known=known))
    there = (one for one in ids if one in by_id or one.startswith(UNMAPPED))
    asked = read_request(row.doc["proof"]["request"])
    return decide(layers_named(there, by_id), replace(asked, at=valid), load_rulebook())


def differing(recorded: object, made: object, field: str = "") -> Iterator[Difference]:
    """The fields of two JSON values that differ, by their path; equal bytes have none."""
    if isinstance(recorded, Mapping) and isinstance(made, Mapping):
        for name in sorted({*recorded, *made}):
            path = f"{field}.{name}" if field else str(name)
            yield from differing(recorded.get(name), made.get(name), path)
    elif isinstance(recorded, list) and isinstance(made, list) and len(recorded) == len(made):
        for at, (one, other) in enumerate(zip(recorded, made, strict=True)):
            yield from differing(one, other, f"{field}[{at}]")
    elif canonical(recorded) != canonical(made):
        yield Difference(field=field, recorded=recorded, recomputed=made)


def _replay_each(
    session: Session, ids: Iterable[str], book: Rulebook
) -> Iterator[Replayed | ReplayError]:
    facts, rows = _Facts(session), decisions.decisions_with(session, ids)
    for row, standing in zip(rows, standings(session, rows), strict=True):
        if row.rulebook_digest != book.digest:
            yield _other_rulebook(row, book)
        else:
            found = tuple(_differences(row, facts, book))
            erased_by = facts.erased_under(row) if found else ()
            yield Replayed(row=row, differences=found, standing=standing, erased_by=erased_by)


def _differences(row: DecisionRow, facts: _Facts, book: Rulebook) -> Iterator[Difference]:
    ids, by_id = facts.under(row)
    missing = [one for one in ids if one not in by_id and not one.startswith(UNMAPPED)]
    if missing:
        yield Difference(field="layers", recorded=missing, recomputed=[])
    asked = read_request(row.doc["proof"]["request"])
    there = (one for one in ids if one not in missing)
    doc = decision_doc(decide(layers_named(there, by_id), replace(asked, at=row.valid), book))
    raw, key = canonical(doc), key_of(ids)
    made = {
        "decision_id": decision_id(row.source_id, key, raw),
        "rights_key": key,
        "verdict": doc["verdict"],
        "reasons": list(doc["reasons"]),
        "obligations": list(doc["obligations"]),
        "request_digest": request_digest(undated(asked)),
        "rulebook_digest": doc["rulebook_digest"],
        "profile": doc["profile"],
        "digest": sha256_hex(raw),
        "doc": doc,
    }
    recorded = {
        **{name: getattr(row, name) for name in made if name != "digest"},
        "reasons": list(row.reasons),
        "obligations": list(row.obligations),
        "digest": sha256_hex(canonical(row.doc)),
    }
    yield from differing(recorded, made)


class _Facts:
    """The layers of sources at an instant: all decisions of one `clear` share them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: datetime | None = None
        self._layers: dict[str, tuple[Layer, ...]] = {}
        self._claims: Claims | None = None

    def under(self, row: DecisionRow) -> tuple[tuple[str, ...], dict[str, Layer]]:
        """The ids that the key of a decision names, and the layers on record then, by id.

        The key of a source without any episode stands nowhere: it names all that was said of it.
        """
        if row.known != self._known:
            self._known, self._layers, self._claims = row.known, {}, None
        named = parts.layers_under(self._session, [row.rights_key]).get(row.rights_key)
        own = self._of(row.source_id)
        if named is None:
            inherited = sorted(self._inherited(row.source_id))
            named = (*(str(one.layer_id) for one in own), *inherited)
        layers = [one for one in map(question_layer, named) if one is not None]
        for source_id in sorted(rights.sources_of(self._session, named)):
            layers += self._of(source_id)
        return named, {str(one.layer_id): one for one in [*layers, *own]}

    def erased_under(self, row: DecisionRow) -> tuple[str, ...]:
        """The erasures that took a name which this decision may rest on."""
        named = parts.layers_under(self._session, [row.rights_key]).get(row.rights_key, ())
        holders = rights.sources_of(self._session, named) | {row.source_id}
        return tuple(
            one.erasure_id
            for source_id in sorted(holders)
            if rights.is_unsure(self._session, source_id, known=row.known)
            for one in erasures.erasures(self._session, source_id)
        )

    def _inherited(self, source_id: str) -> frozenset[str]:
        self._claims = self._claims or Claims(self._session, known=self._known)
        return self._claims.inherited_by(source_id)

    def _of(self, source_id: str) -> tuple[Layer, ...]:
        if source_id not in self._layers:
            docs = rights.asked_of(self._session, source_id, known=self._known)
            self._layers[source_id] = read_layers(docs)
        return self._layers[source_id]


def _other_rulebook(row: DecisionRow, book: Rulebook) -> ReplayError:
    return ReplayError(
        f"decision {row.decision_id} was made with rulebook {row.rulebook_digest[:16]}, "
        f"this version of Clearway has {book.digest[:16]}",
        code="RULEBOOK_OTHER",
        subject=row.decision_id,
        way_out="replay it with the version of Clearway that made it",
    )
