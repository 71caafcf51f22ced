"""What an erasure takes: a source, or the bytes of one file of it with the episodes made of them.

In: ids as people give them. Out: a `Scope` whose conditions name the rows in each dataset. A file
is known by its sha256: two paths with equal bytes are stored once and go together. The same bytes
in another source are that source's copy, under its own rights, and stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from catalog import clips, covered, erasures, files, personal, rights, sources
from catalog.errors import NotFound
from pipelines.erase.targets import covering
from pipelines.errors import ErasureError
from pipelines.lake.datasets import dataset_uri, has_dataset
from pipelines.lake.reading import scan_columns

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.files import FileEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What goes: all of a source where `sha256` is empty, else the rows of these ids.

    `texts` are the commitments to names and messages, None for all of the source.
    """

    source_id: str
    sha256: str = ""
    contents: tuple[str, ...] = ()  # the sha256 of all files that go
    episodes: tuple[str, ...] = ()
    clips: tuple[str, ...] = ()
    texts: tuple[str, ...] | None = None
    revocation_id: str = ""
    kept: frozenset[str] = frozenset()  # the sha256 of the source's other files

    @property
    def subject(self) -> dict[str, str]:
        """What is erased, as the certificate names it."""
        if not self.sha256:
            return {"kind": "source", "id": self.source_id, "source": self.source_id}
        return {"kind": "file", "id": self.sha256, "source": self.source_id}

    @property
    def key(self) -> str:
        """The name of this erasure while it is under way."""
        return f"{self.source_id}/{self.sha256}" if self.sha256 else self.source_id

    def rows_of_set(self) -> str:
        """The condition on the rows of a training set."""
        if not self.sha256:
            return f"source_id = {quoted(self.source_id)}"
        return one_of("clip_id", self.clips)

    def rows_of_lake(self, lake: str) -> dict[str, str]:
        """The condition on the rows of each dataset of the source, for a file."""
        ids = one_of("episode_id", self.episodes)
        return {
            "media": one_of("file_id", (*self.contents, *_tracks(self, lake))),
            "streams": ids,
            "frames": ids,
            "clips": ids,
        }


def scope_of(
    session: Session, source_id: str, *, file: str, now: datetime, must_be_revoked: bool
) -> Scope:
    """Find what `source_id`, and `file` (a path, a sha256 or the start of one), stand for.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
        ErasureError: NOT_REVOKED, unless the revocation need not be on record here.
    """
    name = sources.source(session, source_id).source_id
    held = files.held(session, name)
    sha256 = _sha256(session, held, file) if file else ""
    paths = frozenset(one.path for one in held if one.sha256 == sha256)
    episodes = {one.episode_id for one in clips.episodes_of(session, name) if sha256 in one.files}
    revocation_id = ""
    if must_be_revoked:
        said = {sha256, *paths} - {""}
        found = (
            _revocation(session, name, said, now=now)
            or covering(session, name, episodes if sha256 else None, now=now)
            or _begun(session, name, sha256)
        )
        if found is None:
            raise _not_revoked(session, name, said)
        revocation_id = found
    if not sha256:
        contents = tuple(sorted({one.sha256 for one in held}))
        return Scope(source_id=name, contents=contents, revocation_id=revocation_id)
    own = [one.clip_id for one in clips.clips_of(session, name) if one.episode_id in episodes]
    return Scope(
        source_id=name,
        sha256=sha256,
        contents=(sha256,),
        episodes=tuple(sorted(episodes)),
        clips=tuple(sorted(own)),
        texts=personal.texts_about(session, name, sha256),
        revocation_id=revocation_id,
        kept=frozenset(one.sha256 for one in held) - {sha256},
    )


def one_of(column: str, ids: Iterable[str]) -> str:
    """The condition that a column holds one of these ids; none, when there are none."""
    listed = ", ".join(quoted(one) for one in sorted(set(ids)))
    return f"{column} IN ({listed})" if listed else "false"


def quoted(text: str) -> str:
    """A text as a literal of a condition."""
    return "'" + text.replace("'", "''") + "'"


def _tracks(scope: Scope, lake: str) -> set[str]:
    """The tracks muxed out of the erased episodes: what their streams lie in and no file is."""
    uri = dataset_uri(lake, scope.source_id, "streams")
    if not scope.episodes or not has_dataset(uri):
        return set()
    where = one_of("episode_id", scope.episodes)
    return set(scan_columns(uri, ["file_id"], where=where)["file_id"].to_pylist()) - scope.kept


def _sha256(session: Session, held: Sequence[FileEntry], wanted: str) -> str:
    named = {one.sha256 for one in held if one.path == wanted}
    found = sorted(named or {one.sha256 for one in held if one.sha256.startswith(wanted)})
    if len(found) == 1:
        return found[0]
    gone = erasures.files_erased(session, held[0].source_id) if held else ()
    raise NotFound(
        f"the source holds {len(found) or 'no'} files that {wanted!r} stands for",
        code="AMBIGUOUS_ID" if found else "UNKNOWN_ID",
        subject=wanted,
        way_out="`clearway source files SOURCE --json` lists paths and sha256"
        + (f"; by sha256 only, as their names went: {', '.join(gone)}" if gone else ""),
    )


def _revocation(session: Session, source_id: str, file: set[str], *, now: datetime) -> str:
    """The revocation in force of the source, or of the file alone; empty without one."""
    ids = _names(source_id, file)
    found = covered.in_force(session, now.date(), "source", "file")
    return next((one.revocation_id for one in found if one.subject_id in ids), "")


def _begun(session: Session, source_id: str, sha256: str) -> str | None:
    """The revocation of an erasure that has begun, or is on record: its names may have gone.

    None where there is neither.
    """
    subject = Scope(source_id=source_id, sha256=sha256)
    noted = erasures.begun(session, subject.key)
    if noted is not None:
        return str(noted.get("revocation", ""))
    done = erasures.erasures(session, source_id)
    return "" if subject.subject["id"] in {one.subject_id for one in done} else None


def _names(source_id: str, file: set[str]) -> set[str]:
    return {source_id, *file, *(f"{source_id}/{one}" for one in file)}


def _not_revoked(session: Session, source_id: str, file: set[str]) -> ErasureError:
    ids = _names(source_id, file)
    every = (one for one in rights.revocations(session) if one.subject_kind in {"source", "file"})
    ours = [one for one in every if one.subject_id in ids]
    why = f"is revoked from {ours[0].at} on only" if ours else "was never revoked"
    return ErasureError(
        f"{source_id} {why}, expected a revocation in force",
        code="NOT_REVOKED",
        subject=source_id,
        way_out=f"`clearway revoke {source_id}` first, then erase it; what a party or paper took "
        "goes with `clearway erase ID --of party` or `--of instrument`",
    )
