"""Reader `owamcap`: a log of Open World Agents, and the films that its screen messages point into.

The log is MCAP of the profile `owa`. Each screen message names a film beside it and the time of a
picture there; log and films are one episode, and every picture stands at the time of the message
that names it, on the clock of the log.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pipelines.readers.formats import Claim, Glance, Listing, Reader
from pipelines.readers.logs import Log
from pipelines.readers.mcap import read_messages
from pipelines.readers.mcap_records import MAGIC
from pipelines.readers.media_refs import MediaRefs, films_named, place_of
from pipelines.readers.pauses import pauses
from pipelines.readers.picture import read_picture
from pipelines.readers.reading import Counted, Job, ReadResult, Refused
from pipelines.records import Found

PROFILE = b"\x03\x00\x00\x00owa"  # its length, and it
HEADER_BYTES = 9  # of the first record, before its profile


def read(job: Job) -> Iterator[ReadResult]:
    """Yield an episode for each log of the group, with the films that it names."""
    told = set[str]()
    for log in job.group.files:
        if is_owa(_head(job, log)):
            result = _episode(job, log)
            lines = tuple(line for line in result.files if line.path not in told)
            told.update(line.path for line in lines)
            yield replace(result, files=lines)


def _episode(job: Job, found: Found) -> ReadResult:
    refs = MediaRefs()
    by_path = {each.path: each for each in job.group.files}
    log = Log(job=_with_files(job, found))
    read_messages(log, job.path(found), unpack=refs.noting)
    counted = Counted(num_messages=log.num_messages)
    films = [by_path[path] for path in _films(refs, found, by_path, counted=counted)]
    log.job = smaller = _with_files(job, found, *films)
    log.end_part(found)
    (result,) = log.results()
    pictures = [
        refs.placed(read_picture(smaller, film), log=found, film=film, counted=counted)
        for film in films
    ]
    (alone,) = result.episodes
    gaps = {*alone.gaps} - {*pauses(alone.streams)}
    episode = smaller.episode(
        [*(stream for each in pictures for stream in each.streams), *alone.streams],
        gaps=sorted(gaps.union(*(each.gaps for each in pictures))),
        notes=(*(note for each in pictures for note in each.notes), *alone.notes),
    )
    return ReadResult(
        episodes=(episode,),
        tracks=(*(track for each in pictures for track in each.tracks), *result.tracks),
        files=(*result.files, *(each.facts for each in pictures)),
    )


def _films(
    refs: MediaRefs, log: Found, there: dict[str, Found], *, counted: Counted
) -> Sequence[str]:
    """Return the films that the log names; all of them must be in the group.

    Raises:
        Refused: UNSAFE_CONTENT for a name that leads out of the source, PARTS_MISSING.
    """
    places = {uri: place_of(log.path, uri) for uri in refs.by_uri}
    outside = sorted(uri for uri, place in places.items() if place is None)
    missing = sorted(uri for uri, place in places.items() if place not in there)
    if outside or missing:
        raise Refused(
            f"{log.path}: its pictures are in {(outside or missing)[0]!r}, which "
            + ("leads out of the source" if outside else "is not there or cannot be read"),
            code="UNSAFE_CONTENT" if outside else "PARTS_MISSING",
            subject=log.path,
            evidence={"named": (outside or missing)[:5], "references": len(refs)},
            partial={log.path: counted},
        )
    return sorted({place for place in places.values() if place is not None})


def _with_files(job: Job, *files: Found) -> Job:
    return replace(job, group=replace(job.group, files=files))


def _head(job: Job, found: Found) -> bytes:
    with job.path(found).open("rb") as file:
        return file.read(len(MAGIC) + HEADER_BYTES + len(PROFILE))


def is_owa(head: bytes) -> bool:
    """Say whether a file begins as a log of this kind."""
    return head.startswith(MAGIC) and head.startswith(PROFILE, len(MAGIC) + HEADER_BYTES)


def _sniff(seen: Glance) -> str:
    return "owamcap" if is_owa(seen.head) else ""


def _group(listing: Listing) -> Iterator[Claim]:
    """Claim each log with the films that it names; logs of the same films are read together."""
    together: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for log in (path for path, kind in listing.kinds.items() if kind == "owamcap"):
        places = (place_of(log, uri) for uri in films_named(listing.root / log))
        films = {one for one in places if one and listing.kinds.get(one) == "video"}
        together[tuple(sorted(films)) or (log,)].append(log)
    for films_or_log, logs in together.items():
        films_of = tuple(one for one in films_or_log if one not in logs)
        alone = len(films_of) == len(logs) == 1
        yield Claim(files=(*logs, *films_of), picture=films_of[0] if alone else "")


READER = Reader(read=read, kinds=("owamcap",), sniff=_sniff, group=_group)
