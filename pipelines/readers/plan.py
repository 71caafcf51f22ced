"""Which files of a source are read together, and by which reader.

Every path is looked at once, by content. Readers claim what belongs together; a log and a video of
the same name in the same folder are one group; whatever else a reader takes is one by itself.
Companions, formats without a reader and files that are nothing of the sort are listed apart. No
path is left out, and none is listed twice.
"""

from __future__ import annotations

import os.path
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from catalog.sources import Source
from pipelines.readers.formats import Extra, Kind, Listing
from pipelines.readers.guard import Limits, guarded
from pipelines.readers.probe import probe
from pipelines.readers.reading import FileFacts, Group, Refused, refused_line
from pipelines.readers.registry import asked, readers, taking
from pipelines.readers.sniff import glance, sniff
from pipelines.records import Found, content_id
from pipelines.statements import DOCUMENTS, statement_place

# what any text may look like
WORDS = frozenset({"empty", "blank", "wrong", "jsonl", "csv", "UTF-16 text"})
REFUSED = {
    "empty": ("quarantined", "EMPTY_FILE"),
    "wrong": ("quarantined", "NOT_THE_FORMAT"),
    "truncated": ("quarantined", "TRUNCATED"),
    "damaged": ("quarantined", "CORRUPT"),
    "blank": ("quarantined", "NO_CONTENT"),
    "unsafe": ("quarantined", "UNSAFE_CONTENT"),
    "sound": ("quarantined", "NO_STREAM"),
    "unreadable": ("quarantined", "UNREADABLE"),
    "companion": ("companion", ""),
}
USELESS = frozenset({"empty", "unreadable"})  # also to whoever claims them


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The groups to read, and a line for every file that belongs to none."""

    groups: tuple[Group, ...]
    files: tuple[FileFacts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """Paths that one reader takes together."""

    reader: str
    files: tuple[str, ...]
    companions: tuple[str, ...] = ()
    picture: str = ""
    layout: str = ""
    same_name: tuple[str, ...] = ()


def plan_groups(found: Sequence[Found], source: Source, root: Path) -> Plan:
    """Group the files of `source`, which lie below `root`; the order of `found` does not matter."""
    by_path = {each.path: each for each in found}
    left = {  # what nobody has yet
        path: _stated(_kind(root / path, path), path) for path in sorted(by_path)
    }
    taken = list(_claimed(left, source.reader, root))
    apart = _probed(left, by_path, source, root=root)
    taken += _pairs(left, source.reader)
    taken += _alone(left, source.reader)
    taken.sort(key=lambda each: each.files)
    companions = {path for each in taken for path in each.companions}
    lacking = {name for name in {each.reader for each in taken} if _lacking(name)}
    ready = [each for each in taken if each.reader not in lacking]
    apart += [_line(by_path[path], kind) for path, kind in left.items()]
    apart += [_line(by_path[path], Kind(name="companion")) for path in companions]
    apart += [_unsupported(by_path[path], one) for one in taken if one.reader in lacking
              for path in one.files]  # fmt: skip
    return Plan(
        groups=_without_twins(_group(each, source.source_id, by_path) for each in ready),
        files=tuple(sorted(apart, key=lambda line: line.path)),
    )


def _kind(path: Path, name: str) -> Kind:
    """Return what a file is: as a reader sees it, or by the shared table."""
    try:
        seen = glance(path, name)
        if not seen.size:
            return Kind(name="empty", looks="no bytes")
        for reader in readers().values():
            if reader.sniff and (kind := reader.sniff(seen)):
                return Kind(name=kind)
        return sniff(seen)
    except OSError as error:
        return Kind(name="unreadable", looks=error.strerror or type(error).__name__)
    except RecursionError:
        return Kind(name="unsafe", looks="nested too deep to be parsed")


def _probed(
    left: dict[str, Kind], by_path: Mapping[str, Found], source: Source, *, root: Path
) -> list[FileFacts]:
    """Settle what bytes without a mark of their own are; return the lines of what that cost."""
    refused = []
    for path in [path for path, kind in left.items() if kind.name == "probe"]:
        limits = Limits.of(source.config, by_path[path].size_bytes)
        try:
            left[path] = _stated(guarded(limits, probe, root / path), path)
        except Refused as error:
            refused.append(refused_line(by_path[path], error))
            del left[path]
    return refused


def _stated(kind: Kind, name: str) -> Kind:
    """A file that speaks about rights by its name is a companion, unless its bytes are media."""
    place = statement_place(name)
    if kind.name in WORDS and place and place not in DOCUMENTS:
        return Kind(name="companion", looks=place)
    return kind


def _claimed(left: dict[str, Kind], first: str, root: Path) -> Iterator[_Taken]:
    """Let each reader claim what belongs together, out of what those before it left."""
    for name in asked(first):
        group = readers()[name].group
        if group is None:
            continue
        free = {path: kind.name for path, kind in left.items() if kind.name not in USELESS}
        empty = {path for path, kind in left.items() if kind.name == "empty"}
        shared: set[str] = set()
        for claim in group(Listing(root=root, kinds=dict(free))):
            files = tuple(path for path in claim.files if path in free and path in left)
            companions = tuple(path for path in claim.companions if path in free or path in empty)
            shared.update(companions)
            for path in files:
                del left[path]
            if files:
                yield _Taken(
                    reader=name,
                    files=files,
                    companions=companions,
                    picture=claim.picture if claim.picture in files else "",
                    layout=_layout((*files, *companions)),
                )
        for path in shared:
            left.pop(path, None)


def _layout(paths: Sequence[str]) -> str:
    """Digest the names of files in their folder: a reader of several may go by them."""
    folder = os.path.commonpath([PurePosixPath(path).parent for path in paths])
    return content_id([PurePosixPath(path).relative_to(folder).as_posix() for path in paths])


def _pairs(left: dict[str, Kind], first: str) -> Iterator[_Taken]:
    """Take the log and the video of one name; logs alone, where there are several of either."""
    by_stem: dict[str, list[str]] = defaultdict(list)
    for path in left:
        by_stem[_stem(path)].append(path)
    for same in by_stem.values():
        videos = tuple(path for path in same if left[path].name == "video")
        named = {path: taking(left[path].name, first) for path in same}
        logs = tuple(path for path, name in named.items() if name and readers()[name].has_video)
        if not videos or not logs or any(_lacking(named[log]) for log in logs):
            continue
        for log in logs:
            del left[log]
        if len(videos) == len(logs) == 1:
            del left[videos[0]]
            yield _Taken(reader=named[logs[0]], files=(*logs, *videos), picture=videos[0])
            continue
        crowd = (*logs, *videos)
        for log in logs:
            yield _Taken(reader=named[log], files=(log,), layout=_layout(crowd), same_name=crowd)


def _stem(path: str) -> str:
    """Return a path without its suffix, and without the one that says how it is packed."""
    bare = PurePosixPath(path)
    packed = bare.suffix.lower() in {".gz", ".bz2"}
    return str((bare.with_suffix("") if packed else bare).with_suffix(""))


def _alone(left: dict[str, Kind], first: str) -> Iterator[_Taken]:
    for path, kind in tuple(left.items()):
        if name := taking(kind.name, first):
            del left[path]
            yield _Taken(reader=name, files=(path,))


def _lacking(name: str) -> Extra | None:
    """Return what must be installed before the reader can work."""
    extra = readers()[name].extra
    return extra if extra and find_spec(extra.module) is None else None


def _group(taken: _Taken, source_id: str, by_path: Mapping[str, Found]) -> Group:
    return Group(
        source_id=source_id,
        reader=taken.reader,
        files=tuple(by_path[path] for path in taken.files),
        picture=taken.picture,
        companions=tuple(by_path[path] for path in taken.companions),
        layout=taken.layout,
        same_name=taken.same_name,
    )


def _without_twins(groups: Iterable[Group]) -> tuple[Group, ...]:
    """Fold groups of the same bytes into one: read once, listed at every path."""
    firsts: dict[tuple[str, ...], Group] = {}
    for group in groups:
        contents = (each.sha256 for each in (*group.files, *group.companions))
        key = (group.reader, group.layout, *contents)
        if key in firsts:
            first = firsts[key]
            firsts[key] = replace(first, twins=(*first.twins, group.files))
        else:
            firsts[key] = group
    return tuple(firsts.values())


def _line(found: Found, kind: Kind) -> FileFacts:
    """Return the line of a file that nobody takes."""
    status, reason = REFUSED.get(kind.name, ("unsupported", "UNSUPPORTED_FORMAT"))
    looks = kind.looks or kind.name
    return FileFacts(
        path=found.path,
        sha256=found.sha256,
        size_bytes=found.size_bytes,
        status=status,
        reason=reason,
        evidence={"looks": looks},
        retryable=reason == "UNREADABLE",
    )


def _unsupported(found: Found, taken: _Taken) -> FileFacts:
    """Return the line of a file whose reader lacks what it reads with."""
    extra = _lacking(taken.reader)
    return FileFacts(
        path=found.path,
        sha256=found.sha256,
        size_bytes=found.size_bytes,
        status="unsupported",
        reason="UNSUPPORTED_FORMAT",
        evidence={
            "looks": taken.reader,
            "needs": extra.module if extra else "",
            "way_out": extra.way_out if extra else "",
        },
        reader=readers()[taken.reader].told,
    )
