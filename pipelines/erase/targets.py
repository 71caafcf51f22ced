"""What goes for a revocation: whole sources, and files that it took as a whole.

In: a source, file, span, party or instrument, as `clearway revoke` took it. Out: one target each.
Bytes go a file at a time: where a revocation took less than a file, nothing goes, and the refusal
says what to revoke first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from catalog import clips, covered, files, records, rights, schema, sources
from catalog.errors import NotFound
from catalog.pieces import whole_sources
from pipelines.errors import ErasureError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.clips import EpisodeRow
    from catalog.pieces import Piece

NS = 1_000_000_000
KINDS = ("source", "file", "span", "party", "instrument")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Target:
    """A source, or the file of it with this path or sha256."""

    source_id: str
    file: str = ""


def targets_of(session: Session, wanted: str, of: str, *, now: datetime) -> tuple[Target, ...]:
    """Find what a revocation of `wanted` in force took, if all of that can go.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
        ErasureError: SUBJECT_UNKNOWN, NOT_REVOKED, NOTHING_TO_ERASE, PART_OF_FILE.
    """
    if of not in KINDS:
        raise ErasureError(
            f"got {of!r}, expected one of {', '.join(KINDS)}", code="SUBJECT_UNKNOWN", subject=of,
            way_out=f"give one of {', '.join(KINDS)}",
        )  # fmt: skip
    if of == "source":
        return (Target(source_id=sources.source(session, wanted).source_id),)
    if of == "file":
        return _files(session, wanted)
    pieces = tuple(_revoked(session, wanted, of, now=now))
    whole = whole_sources(pieces)
    found = {Target(source_id=one) for one in whole}
    for source_id in {one.source_id for one in pieces} - set(whole):
        found |= set(_lost_files(session, source_id, pieces))
    if not found:
        raise ErasureError(
            f"{of} {wanted}: its revocation took nothing that lay on facts of its own",
            code="NOTHING_TO_ERASE", subject=wanted,
            way_out="`clearway audit trace` shows what it reached; erase such a source by its name",
        )  # fmt: skip
    return tuple(sorted(found))


def covering(
    session: Session, source_id: str, episodes: Iterable[str] | None, *, now: datetime
) -> str:
    """The revocation of a party, instrument or span that took all of a source, or these episodes.

    None are all of the source. Empty when there is none.
    """
    wanted = None if episodes is None else set(episodes)
    for one in covered.in_force(session, now.date(), "party", "instrument", "span"):
        if source_id not in {piece.source_id for piece in covered.pieces_of(one)}:
            continue
        pieces = covered.own_pieces(session, one)
        if source_id in whole_sources(pieces):
            return one.revocation_id
        if wanted and wanted <= covered.lost_whole(session, source_id, pieces):
            return one.revocation_id
    return ""


def _files(session: Session, wanted: str) -> tuple[Target, ...]:
    source_id, _, path = wanted.partition("/")
    if path:
        return (Target(source_id=sources.source(session, source_id).source_id, file=path),)
    whole = records.begun(session, schema.files.c.sha256, wanted, what="files")
    if whole is None:
        raise NotFound(
            f"no file {wanted!r} is on record", code="UNKNOWN_ID", subject=wanted,
            way_out="give SOURCE/PATH or a sha256: `clearway source files SOURCE` lists them",
        )  # fmt: skip
    holders = {one.source_id for one in files.files_by_sha256(session, whole)}
    return tuple(Target(source_id=one, file=whole) for one in sorted(holders))


def _revoked(session: Session, wanted: str, of: str, *, now: datetime) -> Iterator[Piece]:
    """The pieces that go for the revocations of one subject; of an episode, all of its spans."""
    every = [
        one
        for one in rights.revocations(session)
        if one.subject_kind == of and one.subject_id.startswith(wanted)
    ]
    names = {one.subject_id.partition("[")[0] for one in every}
    if wanted in names:
        names = {wanted}
    if len(names) > 1:
        raise NotFound(
            f"{wanted!r} begins {len(names)} that were revoked: {', '.join(sorted(names)[:5])}",
            code="AMBIGUOUS_ID", subject=wanted, way_out="give more of the id",
        )  # fmt: skip
    ours = [one for one in every if one.subject_id.partition("[")[0] in names]
    holding = [one for one in covered.in_force(session, now.date(), of) if one in ours]
    if not holding:
        why = f"is revoked from {ours[0].at} on only" if ours else "was never revoked"
        raise ErasureError(
            f"{of} {wanted!r} {why}, expected a revocation in force",
            code="NOT_REVOKED", subject=wanted,
            way_out=f"`clearway revoke {wanted} --of {of}` first, then erase it",
        )  # fmt: skip
    for one in holding:
        yield from covered.own_pieces(session, one)


def _lost_files(session: Session, source_id: str, pieces: Iterable[Piece]) -> Iterator[Target]:
    """The files of the episodes that were taken as a whole, if none holds more than those."""
    episodes = {one.episode_id: one for one in clips.episodes_of(session, source_id)}
    own = [one for one in pieces if one.source_id == source_id]
    lost = covered.lost_whole(session, source_id, own)
    for piece in own:
        if piece.episode_id not in lost:
            raise _part_of_file(session, episodes[piece.episode_id], piece)
    gone = {sha256 for one in lost for sha256 in episodes[one].files}
    for episode in episodes.values():
        if episode.episode_id not in lost and not gone.isdisjoint(episode.files):
            raise _part_of_file(session, episode, None)
    yield from (Target(source_id=source_id, file=one) for one in sorted(gone))


def _part_of_file(session: Session, episode: EpisodeRow, piece: Piece | None) -> ErasureError:
    """The refusal to take a part: what would have to go with it, and how."""
    source_id, shas = episode.source_id, set(episode.files)
    held = [one.path for one in files.held(session, source_id) if one.sha256 in shas]
    name = (held or sorted(shas))[0]
    taken = (
        f"episode {episode.episode_id} of it was not revoked"
        if piece is None
        else f"revoked are {_seconds(piece.end_ns - piece.start_ns)} s of the "
        f"{_seconds(episode.end_ns - episode.start_ns)} s of episode {episode.episode_id}"
    )
    return ErasureError(
        f"{source_id}/{name}: {taken}; bytes go a file at a time, expected all of it",
        code="PART_OF_FILE",
        subject=episode.episode_id,
        way_out=f"to erase the whole file: `clearway revoke {source_id}/{name} --of file`, then "
        f"`clearway erase {source_id} --file {name}`; else leave it, no trainer takes what was "
        "revoked",
    )


def _seconds(span_ns: int) -> str:
    return f"{span_ns / NS:.3f}"
