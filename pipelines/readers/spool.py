"""Read a group and lay its rows down in a file, episode by episode.

In: a group. Out: `Spooled`, small values and the path of an Arrow file of rows. At most
one episode is in memory, and nothing here knows the lake: whoever writes fragments takes the rows
of the episodes that count from the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

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
    """What one group gave: its episodes with their rows in a file, its tracks, and its lines."""

    files: tuple[FileFacts, ...]
    episodes: tuple[EpisodeFacts, ...] = ()
    tracks: tuple[Track, ...] = ()
    rows: Path | None = None

    def batches(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Yield (episode, row) for each row of the episodes that count."""
        kept = {one.episode_id for one in self.episodes}
        if self.rows is None or not kept:
            return
        column = STREAMS.get_field_index("episode_id")
        with pa.memory_map(str(self.rows)) as file, pa.ipc.open_stream(file) as rows:
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
    """Read `group` and write its rows, marked with `batch_id`, to a file in `scratch`."""
    name = content_id(group.reader, [each.sha256 for each in group.files])
    target = scratch / f"{name}.arrow"
    episodes: list[EpisodeFacts] = []
    tracks: list[Track] = []
    lines: tuple[FileFacts, ...] = ()
    with pa.OSFile(str(target), "wb") as file, pa.ipc.new_stream(file, STREAMS) as sink:
        for result in read_group(root, group, config, scratch=scratch, reader=reader):
            for batch in (row for one in result.episodes for row in stream_rows(one, batch_id)):
                sink.write_batch(batch)
            episodes += map(EpisodeFacts.of, result.episodes)
            tracks += result.tracks
            lines = result.files
    named = {episode_id for line in lines for episode_id in line.episodes}
    return Spooled(
        files=lines,
        episodes=tuple(one for one in episodes if one.episode_id in named),
        tracks=tuple(tracks) if named else (),
        rows=target,
    )
