"""Read a group and lay its rows down in a file, episode by episode.

In: a group. Out: `Spooled`, small values and the paths of Arrow files: rows of STREAMS, and rows of
FRAMES of the episodes whose every picture was looked at while it was read. At most one episode is
in memory, and nothing here knows the lake: whoever writes fragments takes the rows of the episodes
that count from the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.measures import FRAMES
from pipelines.pictures.rows import frame_rows, times_of
from pipelines.readers.formats import Reader
from pipelines.readers.reading import Config, FileFacts, Group, Track
from pipelines.readers.run import read_group
from pipelines.records import STREAMS, Episode, content_id, stream_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeFacts:
    """An episode without its data."""

    episode_id: str
    files: tuple[str, ...]
    streams: tuple[Mapping[str, Any], ...]
    start_ns: int
    end_ns: int
    reader: str
    part: str = ""
    notes: tuple[str, ...] = ()
    gaps: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, episode: Episode) -> EpisodeFacts:
        """What there is to say about `episode`."""
        return cls(
            episode_id=episode.episode_id,
            files=episode.files,
            streams=tuple(stream.doc() for stream in episode.streams),
            start_ns=episode.start_ns,
            end_ns=episode.end_ns,
            reader=episode.reader,
            part=episode.part,
            notes=episode.notes,
            gaps=episode.gaps,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spooled:
    """What one group gave: its episodes with their rows in files, its tracks, and its lines."""

    files: tuple[FileFacts, ...]
    episodes: tuple[EpisodeFacts, ...] = ()
    tracks: tuple[Track, ...] = ()
    rows: Path | None = None
    figures: Path | None = None
    looked: frozenset[str] = frozenset()  # the episodes that have figures

    def batches(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield (episode, row of STREAMS) for each row of the episodes that count."""
        return self._of_those_that_count(self.rows)

    def figure_batches(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield (episode, row of FRAMES) for those that were looked at."""
        return self._of_those_that_count(self.figures if self.looked else None)

    def _of_those_that_count(self, path: Path | None) -> Iterator[tuple[str, pa.RecordBatch]]:
        kept = {one.episode_id for one in self.episodes}
        if path is None or not kept:
            return
        with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as rows:
            column = rows.schema.get_field_index("episode_id")
            for batch in rows:
                episode_id = str(batch.column(column)[0])
                if episode_id in kept:
                    yield episode_id, batch


def spool_group(
    root: Path,
    group: Group,
    config: Config,
    *,
    scratch: Path,
    batch_id: str,
    reader: Reader,
) -> Spooled:
    """Read `group` and write its rows, marked with `batch_id`, to files in `scratch`."""
    name = content_id(group.reader, [each.sha256 for each in group.files])
    target, figures = scratch / f"{name}.arrow", scratch / f"{name}.frames.arrow"
    episodes: list[EpisodeFacts] = []
    tracks: list[Track] = []
    lines: tuple[FileFacts, ...] = ()
    looked: list[str] = []
    with _sink(target, STREAMS) as rows, _sink(figures, FRAMES) as frames:
        for result in read_group(root, group, config, scratch=scratch, reader=reader):
            seen = [one for one in result.episodes if _is_looked_at(one)]
            for row in (row for one in result.episodes for row in stream_rows(one, batch_id)):
                rows.write_batch(row)
            for row in (row for one in seen for row in _figure_rows(one, batch_id)):
                frames.write_batch(row)
            looked += [one.episode_id for one in seen]
            episodes += map(EpisodeFacts.of, result.episodes)
            tracks += result.tracks
            lines = result.files
    named = {episode_id for line in lines for episode_id in line.episodes}
    return Spooled(
        files=lines,
        episodes=tuple(one for one in episodes if one.episode_id in named),
        tracks=tuple(tracks) if named else (),
        rows=target,
        figures=figures,
        looked=frozenset(looked) & named,
    )


@contextmanager
def _sink(path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatchWriter]:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as sink:
        yield sink


def _is_looked_at(episode: Episode) -> bool:
    """Say whether its figures are of the pictures that its streams have, of all, at their times."""
    cameras = [one for one in episode.streams if one.kind == "video" and one.num_frames]
    return bool(cameras) and all(
        np.array_equal(times_of(one.figures), one.ts_ns) for one in cameras
    )


def _figure_rows(episode: Episode, batch_id: str) -> Iterator[pa.RecordBatch]:
    for one in episode.streams:
        yield from frame_rows(
            episode.source_id,
            episode.episode_id,
            one.name,
            figures_of=one.figures,
            batch_id=batch_id,
        )
