"""Coverage: what a revocation of a source, file, span, party or instrument covers, and its facts.

In: a subject as somebody names it. Out: pieces of sources, with every equal recording that other
sources hold, and the facts that end. A layer that another ground still carries is not lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy.orm import Session

from catalog import clips, files, mentions, parties, personal, records, rights, schema, sources
from catalog.errors import Contradiction, NotFound
from catalog.layers import Fact
from catalog.pieces import Piece, copies, least, made_of

SUBJECTS = ("source", "file", "span", "party", "instrument")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A file of a source, or a span of it from its start, that is to be closed by a layer."""

    source_id: str
    item: str | None = None
    span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What a revocation covers, the open facts that it ends, and what a layer must close.

    `ended` counts the bases that had ended by the day of the revocation; `kept` names the layers
    that another ground carries on.
    """

    kind: str
    subject_id: str
    pieces: tuple[Piece, ...]
    facts: tuple[str, ...] = ()
    bars: tuple[Bar, ...] = ()
    ended: int = 0
    kept: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources with a piece in it, by name."""
        return tuple(sorted({one.source_id for one in self.pieces}))


def cover_of(
    session: Session, kind: str, wanted: str, *, at: date, span: tuple[int, int] | None = None
) -> Cover:
    """Resolve a subject to what it covers now; `span` is in nanoseconds of the episode's clock.

    A file is named by SOURCE/PATH or by sha256, a span by its episode, the others by id.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
        Contradiction: SPAN_OUTSIDE, the episode has no such time.
    """
    if kind == "source":
        name = sources.source(session, wanted).source_id
        cover = _of_facts(session, kind, name, bases=_bases(session, [name]), at=at)
        return _spread(session, cover, [Piece(source_id=name)])
    if kind == "file":
        return _of_file(session, wanted)
    if kind == "span":
        return _of_span(session, wanted, span or (0, 0))
    if kind == "party":
        return _of_party(session, parties.party(session, wanted).party_id, at)
    return _of_instrument(session, wanted, at)


def _of_file(session: Session, wanted: str) -> Cover:
    found = _files(session, wanted)
    names = {f"{one.source_id}/{one.path}" for one in found}
    subject = wanted if wanted in names else found[0].sha256
    pieces = [
        Piece(source_id=one.source_id, episode_id=episode.episode_id)
        for one in found
        for episode in made_of(session, one.source_id, {one.sha256})
    ]
    bars = {Bar(source_id=one.source_id, item=one.path) for one in found}
    cover = Cover(
        kind="file", subject_id=subject, pieces=(),
        bars=tuple(sorted(bars, key=lambda one: (one.source_id, str(one.item)))),
    )  # fmt: skip
    return _spread(session, cover, pieces)


def _files(session: Session, wanted: str) -> list[files.FileEntry]:
    source_id, _, path = wanted.partition("/")
    if path:
        name = sources.source(session, source_id).source_id
        found = [one for one in files.held(session, name) if one.path == path]
    else:
        whole = records.begun(session, schema.files.c.sha256, wanted, what="files")
        found = list(files.files_by_sha256(session, whole)) if whole else []
    if not found:
        raise NotFound(
            f"no file {wanted!r} is on record", code="UNKNOWN_ID", subject=wanted,
            way_out="give SOURCE/PATH or a sha256: `clearway source files SOURCE` lists them",
        )  # fmt: skip
    return found


def _of_span(session: Session, wanted: str, span: tuple[int, int]) -> Cover:
    episode = clips.episode(session, wanted)
    start, end = span
    if not episode.start_ns <= start < end <= max(episode.end_ns, episode.start_ns):
        raise Contradiction(
            f"span [{start}, {end}) ns of {episode.episode_id}, which lies in "
            f"[{episode.start_ns}, {episode.end_ns})", code="SPAN_OUTSIDE",
            subject=episode.episode_id, way_out="give a start and a later end inside the episode",
        )  # fmt: skip
    held = files.held(session, episode.source_id)
    item = next((one.path for one in held if one.sha256 in episode.files), None)
    piece = Piece(
        source_id=episode.source_id, episode_id=episode.episode_id, start_ns=start, end_ns=end
    )
    bar = Bar(
        source_id=episode.source_id, item=item,
        span=(start - episode.start_ns, end - episode.start_ns),
    )  # fmt: skip
    subject = f"{episode.episode_id}[{start},{end})"
    return _spread(session, Cover(kind="span", subject_id=subject, pieces=(), bars=(bar,)), [piece])


def _of_party(session: Session, party_id: str, at: date) -> Cover:
    """All that rests on a party: bases in its chain, layers it holds, papers that it signed."""
    found = mentions.named(session, mentions.PARTY, [party_id])
    facts = rights.facts_by_id(session, (one.subject for one in found))
    owned = [
        one.source_id
        for one in mentions.named(session, mentions.OWNER, [party_id])
        if sources.source(session, one.source_id).owner == party_id
    ]
    held = {one.fact_id for one in facts if one.kind == "layer"}
    papers = {str(one.doc["id"]) for one in facts if one.kind == "instrument"}
    near = {one.source_id for one in facts} | set(owned)
    chosen = {one.fact_id for one in facts if one.kind == "basis"} | {
        one.fact_id
        for one in _bases(session, near)
        if one.source_id in owned or one.doc["layer_id"] in held or _rests_on(one, papers)
    }
    return _of_named(session, ("party", party_id), chosen, sources_=near, whole=owned, at=at)


def _of_instrument(session: Session, wanted: str, at: date) -> Cover:
    """All that rests on a paper, directly or through a chain of sublicences."""
    found = mentions.named(session, mentions.INSTRUMENT, [wanted])
    if not found:
        name = records.begun(session, schema.ops_mentions.c.name, wanted, what="names")
        found = mentions.named(session, mentions.INSTRUMENT, [name or wanted])
        if name is None or not found:
            raise NotFound(
                f"no instrument {wanted!r} is on record", code="UNKNOWN_ID", subject=wanted,
                way_out="`clearway rights show SOURCE` names the instruments of a source",
            )  # fmt: skip
        wanted = name
    near = {one.source_id for one in found}
    chosen = {one.fact_id for one in _bases(session, near) if _rests_on(one, {wanted})}
    cover = _of_named(session, ("instrument", wanted), chosen, sources_=near, whole=(), at=at)
    papers = [
        one.fact_id
        for one in rights.facts_by_id(session, (each.subject for each in found))
        if one.kind == "instrument"
    ]
    return replace(cover, facts=(*cover.facts, *papers))


def _rests_on(basis: Fact, papers: set[str]) -> bool:
    return not papers.isdisjoint(mentions.papers_of(basis.doc))


def _of_named(
    session: Session,
    subject: tuple[str, str],
    chosen: set[str],
    *,
    sources_: Iterable[str],
    whole: Iterable[str],
    at: date,
) -> Cover:
    """The pieces under the layers that lose their last ground with the bases `chosen`."""
    bases = _bases(session, sources_)
    ended = _ended(session, bases, at)
    own = [one for one in bases if one.fact_id in chosen]
    left = {
        one.doc["layer_id"]
        for one in bases
        if one.fact_id not in chosen | ended and one.doc["type"] not in {"none", "unknown"}
    }
    consents = {one.doc["layer_id"] for one in own if one.doc["type"] == "consent"}
    layers = {one.doc["layer_id"] for one in own if one.fact_id not in ended}
    lost = {one for one in layers if one not in left or one in consents}
    pieces = [Piece(source_id=one) for one in whole]
    for fact in rights.facts_by_id(session, lost):
        pieces += pieces_under(session, fact)
    cover = Cover(
        kind=subject[0], subject_id=subject[1], pieces=(),
        facts=tuple(one.fact_id for one in own if one.fact_id not in ended),
        ended=sum(one.fact_id in ended for one in own), kept=tuple(sorted(layers - lost)),
    )  # fmt: skip
    return _spread(session, cover, pieces)


def pieces_under(session: Session, layer: Fact) -> Iterator[Piece]:
    """The pieces that a layer lies on: the source, or the episodes of its file, or their span."""
    item, span = layer.doc.get("item"), layer.doc.get("span")
    if item is None and span is None:
        yield Piece(source_id=layer.source_id)
        return
    held = files.held(session, layer.source_id)
    kept = frozenset[str]() if item is None else personal.kept_names(session, layer.source_id)
    shas = {
        one.sha256 for one in held if item is None or item in personal.meant(one.path, [item], kept)
    }
    for episode in made_of(session, layer.source_id, shas):
        start, end = (episode.start_ns + one for one in span) if span else (0, 0)
        yield Piece(
            source_id=layer.source_id, episode_id=episode.episode_id, start_ns=start, end_ns=end
        )


def _of_facts(
    session: Session, kind: str, subject_id: str, *, bases: tuple[Fact, ...], at: date
) -> Cover:
    ended = _ended(session, bases, at)
    return Cover(
        kind=kind, subject_id=subject_id, pieces=(), ended=len(ended),
        facts=tuple(one.fact_id for one in bases if one.fact_id not in ended),
    )  # fmt: skip


def _bases(session: Session, source_ids: Iterable[str]) -> tuple[Fact, ...]:
    return rights.facts_about(session, source_ids, kind="basis")


def _ended(session: Session, bases: Iterable[Fact], at: date) -> set[str]:
    """The bases that have ended by `at`: their own term, an end of theirs, or of their paper."""
    bases = tuple(bases)
    papers = {
        (one.source_id, str(one.doc.get("id"))): one.fact_id
        for one in rights.facts_about(
            session, {each.source_id for each in bases}, kind="instrument"
        )
    }
    ends = {
        one.fact_id
        for one in rights.ends_of(session, {*papers.values(), *(each.fact_id for each in bases)})
        if one.ends_at <= at or one.kind == "void"
    }
    return {
        one.fact_id
        for one in bases
        if one.fact_id in ends
        or papers.get((one.source_id, str(one.doc.get("instrument_id")))) in ends
        or (one.valid_to is not None and one.valid_to <= at.isoformat())
    }


def _spread(session: Session, cover: Cover, pieces: Iterable[Piece]) -> Cover:
    """Add the pieces and, of every recording in them, the equal ones that other sources hold."""
    own = least(pieces)
    return replace(cover, pieces=least([*own, *copies(session, own)]))
