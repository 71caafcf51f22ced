"""Reader `video`: one video file with no log beside it -> an episode."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.readers.formats import Reader
from pipelines.readers.picture import read_picture
from pipelines.readers.reading import Job, ReadResult


def read(job: Job) -> Iterator[ReadResult]:
    """Read the only file of the group."""
    (found,) = job.group.files
    picture = read_picture(job, found)
    episode = job.episode(picture.streams, notes=picture.notes, gaps=picture.gaps)
    yield ReadResult(episodes=(episode,), tracks=picture.tracks, files=(picture.facts,))


READER = Reader(read=read, kinds=("video",))
