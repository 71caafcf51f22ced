"""Which files of a source make which episode.

Every path is looked at once, by content. A log and a video of the same name in the same folder
make one episode; whatever else a reader takes makes one by itself; companions, formats without a
reader and files that are nothing of the sort are listed apart. No path is left out.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from catalog.sources import Source
from pipelines.readers.packets import Seen, walk
from pipelines.readers.reading import FileFacts, Group, Refused
from pipelines.readers.sniff import HEAD, Kind, is_transport_stream, sniff
from pipelines.records import Found
from pipelines.statements import DOCUMENTS, statement_place

LOGS = {"jsonl": "events", "csv": "events", "parquet": "events", "doom": "doom", "vpt": "vpt"}
WORDS = frozenset({"empty", "blank", "wrong", "jsonl", "csv"})  # what any text may look like
REFUSED = {
    "empty": ("quarantined", "EMPTY_FILE"),
    "wrong": ("quarantined", "NOT_THE_FORMAT"),
    "truncated": ("quarantined", "TRUNCATED"),
    "blank": ("quarantined", "NO_CONTENT"),
    "unsafe": ("quarantined", "UNSAFE_CONTENT"),
    "sound": ("quarantined", "NO_STREAM"),
    "unreadable": ("quarantined", "UNREADABLE"),
    "unsupported": ("unsupported", "UNSUPPORTED_FORMAT"),
    "companion": ("companion", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The groups to read, and a line for every file that belongs to none."""

    groups: tuple[Group, ...]
    files: tuple[FileFacts, ...]


def plan_groups(found: Sequence[Found], source: Source, root: Path) -> Plan:
    """Group the files of `source`, which lie below `root`; the order of `found` does not matter."""
    kinds = {each.path: _stated(_kind(root / each.path, each.path), each.path) for each in found}
    by_path = {each.path: each for each in found}
    taken = [path for path in sorted(kinds) if kinds[path].name not in REFUSED]
    apart = [path for path in sorted(kinds) if kinds[path].name in REFUSED]
    groups = [
        Group(
            source_id=source.source_id,
            reader=_reader(paths, kinds),
            files=tuple(by_path[path] for path in paths),
            picture=paths[1] if len(paths) == 2 else "",
        )
        for paths in _pairs(taken, kinds)
    ]
    return Plan(
        groups=_without_twins(groups),
        files=tuple(_line(by_path[path], kinds[path]) for path in apart),
    )


def _kind(path: Path, name: str) -> Kind:
    try:
        kind = sniff(path, name)
        if kind.name == "jsonl" and _is_vpt(path):
            return Kind(name="vpt")
        return _probe(path) if kind.name == "probe" else kind
    except OSError as error:
        return Kind(name="unreadable", looks=error.strerror or type(error).__name__)
    except RecursionError:
        return Kind(name="unsafe", looks="nested too deep to be parsed")


def _stated(kind: Kind, name: str) -> Kind:
    """A file that speaks about rights by its name is a companion, unless its bytes are media."""
    place = statement_place(name)
    words = kind.name in WORDS or kind.looks == "UTF-16 text"
    if words and place and place not in DOCUMENTS:
        return Kind(name="companion", looks=place)
    return kind


def _probe(path: Path) -> Kind:
    """Ask the decoder library about bytes without a mark of their own (ts, raw streams)."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    try:
        walked = walk(path, decode=not is_transport_stream(head))
    except Refused:
        return Kind(name="wrong", looks="bytes of no known format")
    pictures = walked.pictures
    if pictures and (is_transport_stream(head) or _holds(pictures)):
        return Kind(name="video")
    sounds = [seen for seen in walked.streams if seen.kind == "audio"]
    if sounds and not pictures and sounds[0].num_packets > 8 and not walked.ended:
        return Kind(name="sound", looks=f"sound without pictures ({walked.format})")
    return Kind(name="wrong", looks="bytes of no known format")


def _holds(pictures: Iterable[Seen]) -> bool:
    """Say whether most of what was taken for packets gave pictures: chance matches do not."""
    return any(seen.num_frames and 2 * len(seen.errors) <= seen.num_frames for seen in pictures)


def _is_vpt(path: Path) -> bool:
    with path.open("rb") as file:
        line = file.readline(1 << 20)
    try:
        doc = json.loads(line)
    except ValueError:
        return False
    return isinstance(doc, dict) and {"mouse", "keyboard"} <= doc.keys() and "isGuiOpen" in doc


def _pairs(paths: Sequence[str], kinds: dict[str, Kind]) -> list[tuple[str, ...]]:
    """Return (log, video) for each pair of one name, and every other path alone."""
    by_stem: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        by_stem[str(PurePosixPath(path).with_suffix(""))].append(path)
    pairs: list[tuple[str, ...]] = []
    for same in by_stem.values():
        videos = [path for path in same if kinds[path].name == "video"]
        logs = [path for path in same if kinds[path].name in LOGS]
        if len(videos) == 1 and len(logs) == 1:
            pairs.append((logs[0], videos[0]))
            same = [path for path in same if path not in pairs[-1]]
        pairs += [(path,) for path in same]
    return sorted(pairs)


def _reader(paths: tuple[str, ...], kinds: dict[str, Kind]) -> str:
    kind = kinds[paths[0]].name
    return LOGS.get(kind, kind)


def _without_twins(groups: Sequence[Group]) -> tuple[Group, ...]:
    """Fold groups of the same bytes into one: read once, listed at every path."""
    firsts: dict[tuple[str, ...], Group] = {}
    for group in groups:
        key = (group.reader, *(each.sha256 for each in group.files))
        if key in firsts:
            first = firsts[key]
            firsts[key] = replace(first, twins=(*first.twins, group.files))
        else:
            firsts[key] = group
    return tuple(firsts.values())


def _line(found: Found, kind: Kind) -> FileFacts:
    status, reason = REFUSED[kind.name]
    return FileFacts(
        path=found.path,
        sha256=found.sha256,
        size_bytes=found.size_bytes,
        status=status,
        reason=reason,
        evidence={"looks": kind.looks},
        retryable=reason == "UNREADABLE",
    )
