"""Clear: decide one request over every source, once per distinct set of layers.

In: a request (document or recorded name) and the facts of the catalog as of (valid, known). Out:
one row a source with its verdict, and which episodes it holds for; decisions are recorded with
their log entries in one transaction.

Only a request dated today is recorded and may be exported; another day is a what-if. A stream that
maps to no rights stream is undetermined, never skipped, and so is a source without layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from catalog import clips, decisions, files, requests, rights, sources
from catalog.engine import open_catalog, reading, transaction
from licensing.decide import decide
from licensing.facts import Layer, Verdict, decision_digest, decision_doc, read_layers
from licensing.manifest import digest
from licensing.request import Request, read_request, request_digest, request_doc
from licensing.rulebook import load_rulebook

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.clips import EpisodeRow
    from catalog.sources import Source
    from pipelines.settings import Settings

HOUR_NS = 3_600_000_000_000
NO_END = date(9999, 12, 31)
_BY_KIND = {"video": "video", "audio": "audio"}  # a reader cannot be wrong about these two


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The episodes of a source to which the same layers apply, and the decision about them.

    `ends` is the first day after today on which a term of these layers ends.
    """

    source_id: str
    rights_key: str
    decision_id: str
    decision_digest: str
    verdict: str
    reasons: tuple[str, ...]
    obligations: tuple[str, ...]
    episodes: tuple[str, ...]
    ends: date
    doc: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """The verdict over one source: that of its least free part; clips and hours are the cleared."""

    source: str
    verdict: str
    reasons: tuple[str, ...]
    obligations: tuple[str, ...]
    num_clips: int
    hours: float
    parts: tuple[Part, ...]

    @property
    def decision_id(self) -> str:
        """The decision that holds the verdict."""
        return _least_free(self.parts).decision_id

    def line(self) -> dict[str, Any]:
        """The row as `clear --json` prints it."""
        return {
            "source": self.source,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "obligations": list(self.obligations),
            "clips": self.num_clips,
            "hours": round(self.hours, 4),
            "decision": self.decision_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """One request decided over all sources; `recorded` is False for a what-if."""

    rows: tuple[SourceRow, ...]
    request: Mapping[str, Any]
    request_name: str
    request_digest: str
    profile: str
    rulebook_digest: str
    valid: date
    known: datetime
    recorded: bool

    @property
    def permitted(self) -> tuple[Part, ...]:
        """The parts that may be used, in the order of their sources."""
        return tuple(part for row in self.rows for part in row.parts if part.verdict == "permit")

    def counts(self) -> dict[str, int]:
        """How many sources got each verdict."""
        words = [row.verdict for row in self.rows]
        return {one.word: words.count(one.word) for one in reversed(Verdict)}

    def summary(self) -> str:
        """Say it in one line."""
        said = ", ".join(f"{count} {word}" for word, count in self.counts().items())
        kind = "" if self.recorded else " (what if: not recorded, cannot be exported)"
        return (
            f"request {self.request_name or self.request_digest[:12]} on {self.valid}: {said}{kind}"
        )


def clear(
    request: Mapping[str, Any] | str,
    settings: Settings,
    *,
    now: datetime,
    run_id: str,
    record: bool = True,
    known: datetime | None = None,
) -> Clearance:
    """Decide `request` over every source, as of its own day (default today) and `known`.

    It is recorded when `record` is set and both are now; anything else is a what-if.

    Raises:
        BadCase: a key or value of the request that cannot be read, by name.
        NotFound: UNKNOWN_ID, no request of this name is on record.
    """
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        name, doc = _request_of(session, request)
        asked = read_request(doc)
        day, then = asked.at or now.date(), known
        today = record and then is None and day == (asked.known or day) == now.date()
        dated = replace(asked, at=day, known=then.date() if then else asked.known)
        rows = tuple(
            _row(session, source, dated, known=then) for source in sources.sources(session)
        )
    done = Clearance(
        rows=rows,
        request=request_doc(_undated(asked)),
        request_name=name,
        request_digest=request_digest(_undated(asked)),
        profile=asked.profile,
        rulebook_digest=load_rulebook().digest,
        valid=day,
        known=then or now,
        recorded=today,
    )
    if today:
        with transaction(open_catalog(settings.catalog_url)) as session:
            _record(session, done, run_id=run_id, now=now)
    return done


def _request_of(session: Session, request: Mapping[str, Any] | str) -> tuple[str, dict[str, Any]]:
    if isinstance(request, str):
        stored = requests.request(session, request)
        return stored.name, dict(stored.doc)
    doc = dict(request)
    return str(doc.pop("name", "")), doc


def _undated(request: Request) -> Request:
    """The request as it is asked again each day: its digest names the use, not the day."""
    return replace(request, at=None, known=None)


def _row(
    session: Session, source: Source, request: Request, *, known: datetime | None
) -> SourceRow:
    layers = read_layers(rights.layers_of(session, source.source_id, known=known))
    if layers:  # of a source without any, NO_LAYERS says it all
        asked = rights.open_questions(session, source.source_id, source.modality, known=known)
        layers = (*layers, *asked)
    episodes = clips.episodes_of(session, source.source_id)
    paths = _paths(session, source.source_id)
    grouped: dict[tuple[Layer, ...], list[EpisodeRow]] = {}
    for episode in episodes:
        grouped.setdefault(_applying(layers, {paths.get(one, "") for one in episode.files}), [])
        grouped[_applying(layers, {paths.get(one, "") for one in episode.files})].append(episode)
    if not grouped:
        grouped[layers] = []
    parts = tuple(_part(source, key, (found, request)) for key, found in grouped.items())
    cleared = {one for part in parts if part.verdict == "permit" for one in part.episodes}
    kept = [one for one in clips.clips_of(session, source.source_id) if one.status == "kept"]
    spans = [one.end_ns - one.start_ns for one in kept if one.episode_id in cleared]
    least = _least_free(parts)
    return SourceRow(
        source=source.source_id,
        verdict=least.verdict,
        reasons=least.reasons,
        obligations=_union(part.obligations for part in parts if part.verdict == least.verdict),
        num_clips=len(spans),
        hours=sum(spans) / HOUR_NS,
        parts=parts,
    )


def _part(
    source: Source, layers: Sequence[Layer], asked: tuple[Sequence[EpisodeRow], Request]
) -> Part:
    episodes, request = asked
    layers = (*layers, *_unmapped(source, episodes))
    decision = decide(layers, request, load_rulebook())
    key = digest(sorted(str(layer.layer_id) for layer in layers))[:32]
    body = decision_doc(decision)
    return Part(
        source_id=source.source_id,
        rights_key=key,
        decision_id=digest({"source": source.source_id, "key": key, "decision": body})[:32],
        decision_digest=decision_digest(decision),
        verdict=decision.verdict.word,
        reasons=decision.reasons,
        obligations=decision.obligations,
        episodes=tuple(one.episode_id for one in episodes),
        ends=_first_end(layers, request.at or NO_END),
        doc=body,
    )


def rights_stream(source: Source, stream: Mapping[str, Any]) -> str:
    """The rights stream that a stream of an episode stands for, "" when nobody said.

    What the source was registered with decides; pictures and sound need no word of anybody.
    """
    name, kind = str(stream["name"]), str(stream.get("kind", ""))
    return str(source.streams.get(name) or stream.get("rights_stream") or _BY_KIND.get(kind, ""))


def _unmapped(source: Source, episodes: Sequence[EpisodeRow]) -> tuple[Layer, ...]:
    """A layer without a basis for each stream whose right nobody named: it cannot be cleared."""
    names = {
        str(stream["name"])
        for episode in episodes
        for stream in episode.streams
        if not rights_stream(source, stream)
    }
    return tuple(
        Layer(layer="copyright", stream=name, basis=(), layer_id=f"unmapped:{name}")
        for name in sorted(names)
    )


def _paths(session: Session, source_id: str) -> dict[str, str]:
    return {one.sha256: one.path for one in files.files_of(session, source_id)}


def _applying(layers: Sequence[Layer], paths: set[str]) -> tuple[Layer, ...]:
    """The layers over these files: those of the whole source, and those of one of them."""
    return tuple(layer for layer in layers if layer.item is None or layer.item in paths)


def _first_end(layers: Sequence[Layer], day: date) -> date:
    ends = [basis.valid[1] for layer in layers for basis in layer.basis if basis.valid]
    return min((end for end in ends if end is not None and end > day), default=NO_END)


def _least_free(parts: Sequence[Part]) -> Part:
    return min(parts, key=lambda part: (Verdict.of_word(part.verdict), part.rights_key))


def _union(lists: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for each in lists for one in each))


def _record(session: Session, done: Clearance, *, run_id: str, now: datetime) -> None:
    for row in _rows_of(done, now):
        decisions.record_decision(session, row, run_id=run_id, now=now)


def _rows_of(done: Clearance, now: datetime) -> Iterator[decisions.DecisionRow]:
    for row in done.rows:
        for part in row.parts:
            yield decisions.DecisionRow(
                decision_id=part.decision_id,
                source_id=part.source_id,
                parts=part.episodes,
                request_digest=done.request_digest,
                request_name=done.request_name,
                verdict=part.verdict,
                reasons=part.reasons,
                obligations=part.obligations,
                rights_key=part.rights_key,
                valid=done.valid,
                known=done.known,
                rulebook_digest=done.rulebook_digest,
                profile=done.profile,
                doc=part.doc,
                at=now,
            )
