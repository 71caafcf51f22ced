"""The index of a LeRobot data set: its rate, its episodes, and which files each is made of.

Version 2 lists episodes in `meta/episodes.jsonl` and derives their paths from the episode number;
version 3 lists them in `meta/episodes/**.parquet` with the files and the span of each.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from pipelines.readers.formats import Claim, Listing
from pipelines.readers.reading import Refused
from pipelines.records import Found

NS: Final = 10**9
INFO: Final = "meta/info.json"
MARK: Final = "codebase_version"  # no other index has it
RECORDED: Final = frozenset({"parquet", "video", "truncated", "damaged", "probe"})
CHUNK: Final = 1_000  # episodes of a folder, when version 2 does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRow:
    """One episode: its number and length, its rows, and where each camera shows it.

    `videos` maps a camera to (path, start_ns, stop_ns); version 2 films are shown whole (0, -1).
    `rows` is the span of its rows in a shared file, `(0, -1)` for a file of its own.
    """

    number: int
    length: int
    tasks: tuple[str, ...]
    data: str
    rows: tuple[int, int]
    videos: Mapping[str, tuple[str, int, int]]

    @property
    def files(self) -> tuple[str, ...]:
        """The Parquet file first, then the films, without repeats."""
        films = sorted({path for path, _, _ in self.videos.values()})
        return (self.data, *films)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A data set below a folder of the source."""

    root: Path
    fps: float
    shares_files: bool
    episodes: tuple[EpisodeRow, ...]
    tables: dict[str, Any] = field(default_factory=dict)

    def rows_of(self, row: EpisodeRow) -> Any:  # noqa: ANN401  pyarrow has no types
        """The rows of one episode, columns in the order of the file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if row.data not in self.tables:
            self.tables.clear()  # episodes come in the order of the files: one at a time is held
            try:
                self.tables[row.data] = pq.read_table(self.root / row.data)
            except (pa.ArrowInvalid, OSError) as error:
                raise Refused(f"{row.data}: {error}", code="CORRUPT", subject=row.data) from error
        table = self.tables[row.data]
        low, high = row.rows
        if high < 0:
            return table
        if "episode_index" in table.column_names:
            return table.filter(pa.compute.equal(table.column("episode_index"), row.number))
        return table.slice(low, high - low)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a data set lies, and which paths of the source are there."""

    root: Path
    folder: str
    there: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Root:
    """A data set as it was found while planning: its episodes, and the files below it.

    `recorded` are those that lie where episodes do, whether the index names them or not.
    """

    episodes: tuple[EpisodeRow, ...]
    below: tuple[str, ...]
    recorded: frozenset[str]

    def claims(self) -> Iterator[Claim]:
        """One claim for each set of files that episodes connect, one for those of no episode.

        All of them carry the index. Reading refuses what it does not name.
        """
        wanted = {path for row in self.episodes for path in row.files}
        there = [path for path in self.below if path in wanted]
        unnamed = tuple(path for path in self.below if path in self.recorded - wanted)
        companions = tuple(path for path in self.below if path not in self.recorded | wanted)
        for together in _connected(self.episodes):
            files = tuple(path for path in there if path in together)
            if files:
                yield Claim(files=files, companions=companions)
        if unnamed:
            yield Claim(files=unnamed, companions=companions)


def data_sets(listing: Listing) -> Iterator[_Root]:
    """Every data set among the files that nobody has claimed yet.

    One whose index cannot be read has no episodes: all that it recorded is of none.
    """
    for path in listing.kinds:
        if not (path == INFO or path.endswith("/" + INFO)):
            continue
        folder = path.removesuffix(INFO).rstrip("/")
        text = listing.text(path)
        info = _json(text)
        if MARK not in (info or text):
            continue
        below = tuple(one for one in listing.kinds if _is_below(one, folder))
        places = [_under(folder, one) for one in _places(info)]
        recorded = frozenset(
            one
            for one in below
            if listing.kinds[one] in RECORDED and any(_is_below(one, place) for place in places)
        )
        try:
            place = _Place(root=listing.root, folder=folder, there=frozenset(below))
            episodes = _dataset(place, info).episodes
        except Refused:
            episodes = ()
        yield _Root(episodes=episodes, below=below, recorded=recorded)


def _places(info: Mapping[str, Any]) -> set[str]:
    """The folders that a data set's files lie in."""
    told = (str(info.get(name) or "").partition("/")[0] for name in ("data_path", "video_path"))
    return {"data", "videos", *(one for one in told if one.isidentifier())}


def load_set(root: Path, companions: Sequence[Found], files: Iterable[str]) -> DataSet:
    """The data set that a claim belongs to, its index read again.

    Raises:
        Refused: PARTS_MISSING without an index, CORRUPT for one that cannot be read, CLOCK_BROKEN
            for a rate that is none.
    """
    for found in companions:
        if found.path == INFO or found.path.endswith("/" + INFO):
            folder = found.path.removesuffix(INFO).rstrip("/")
            if all(_is_below(one, folder) for one in files):
                info = _json((root / found.path).read_text(encoding="utf-8-sig"))
                there = frozenset((*files, *(one.path for one in companions)))
                return _dataset(_Place(root=root, folder=folder, there=there), info)
    raise Refused("no meta/info.json beside the files", code="PARTS_MISSING")


def _dataset(place: _Place, info: Mapping[str, Any]) -> DataSet:
    if not info:
        raise Refused(f"{place.folder}/{INFO}: no JSON object", code="CORRUPT", subject=INFO)
    try:
        version, fps = str(info[MARK]), float(info["fps"])
        if not 0 < fps <= 1e6:
            raise Refused(f"{place.folder}/{INFO}: fps is {fps}", code="CLOCK_BROKEN", subject=INFO)
        rows = _third if version.startswith("v3") else _second
        episodes = tuple(rows(place, info))
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise Refused(f"{place.folder}/{INFO}: {error!r}", code="CORRUPT", subject=INFO) from error
    return DataSet(
        root=place.root, fps=fps, shares_files=version.startswith("v3"), episodes=episodes
    )


def _no_index(path: str) -> Refused:
    return Refused(f"{path}, which lists the episodes, is not there", code="PARTS_MISSING")


def _second(place: _Place, info: Mapping[str, Any]) -> Iterator[EpisodeRow]:
    folder = place.folder
    size = int(info.get("chunks_size", CHUNK))
    index = _under(folder, "meta/episodes.jsonl")
    if index not in place.there:
        raise _no_index(index)
    for line in (place.root / index).read_text(encoding="utf-8-sig").splitlines():
        doc = json.loads(line)
        number = int(doc["episode_index"])
        names = {"episode_chunk": number // size, "episode_index": number}
        yield EpisodeRow(
            number=number,
            length=int(doc["length"]),
            tasks=tuple(map(str, doc.get("tasks", ()))),
            data=_under(folder, str(info["data_path"]).format(**names)),
            rows=(0, -1),
            videos={
                key: (_under(folder, str(info["video_path"]).format(video_key=key, **names)), 0, -1)
                for key in _cameras(info)
            },
        )


def _third(place: _Place, info: Mapping[str, Any]) -> Iterator[EpisodeRow]:
    import pyarrow.parquet as pq

    folder = place.folder
    lists = sorted(one for one in place.there if _is_below(one, _under(folder, "meta/episodes")))
    if not lists:
        raise _no_index(_under(folder, "meta/episodes"))
    for path in lists:
        for doc in pq.read_table(place.root / path).to_pylist():
            yield EpisodeRow(
                number=int(doc["episode_index"]),
                length=int(doc["length"]),
                tasks=tuple(map(str, doc.get("tasks") or ())),
                data=_under(folder, _filled(str(info["data_path"]), doc, "data")),
                rows=(int(doc["dataset_from_index"]), int(doc["dataset_to_index"])),
                videos={key: _film(folder, info, doc, key=key) for key in _cameras(info)},
            )


def _film(
    folder: str, info: Mapping[str, Any], doc: Mapping[str, Any], *, key: str
) -> tuple[str, int, int]:
    path = _under(folder, _filled(str(info["video_path"]), doc, f"videos/{key}", video_key=key))
    start, stop = (doc[f"videos/{key}/{side}_timestamp"] for side in ("from", "to"))
    return path, round(float(start) * NS), round(float(stop) * NS)


def _filled(template: str, doc: Mapping[str, Any], prefix: str, **more: str) -> str:
    names = {
        "chunk_index": int(doc[f"{prefix}/chunk_index"]),
        "file_index": int(doc[f"{prefix}/file_index"]),
    }
    return template.format(**names, **more)


def _cameras(info: Mapping[str, Any]) -> list[str]:
    features = info.get("features", {})
    return sorted(key for key, one in features.items() if one.get("dtype") == "video")


def _connected(episodes: Iterable[EpisodeRow]) -> list[set[str]]:
    """The sets of files that are connected by episodes that use more than one of them."""
    parent: dict[str, str] = {}

    def top(path: str) -> str:
        while parent.setdefault(path, path) != path:
            path = parent[path]
        return path

    for row in episodes:
        for path in row.files:
            parent[top(path)] = top(row.files[0])
    found: dict[str, set[str]] = defaultdict(set)
    for path in list(parent):
        found[top(path)].add(path)
    return [found[key] for key in sorted(found)]


def _under(folder: str, path: str) -> str:
    """A path of the data set inside the source; one that leaves it names nothing that is there."""
    joined = PurePosixPath(folder) / path
    return "" if ".." in joined.parts or joined.is_absolute() else joined.as_posix()


def _is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(folder + "/")


def _json(text: str) -> dict[str, Any]:
    try:
        doc = json.loads(text)
    except ValueError:
        return {}
    return doc if isinstance(doc, dict) else {}
