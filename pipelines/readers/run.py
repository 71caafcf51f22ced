"""Read one group: the door between the stations and the readers.

In: a group, the folder of its source, and the source's config. Out: episodes one by one, and at the
end a line for every path of the group. Bad input never raises: it becomes a quarantine line with
its reason, and episodes of a file that is refused do not count. When one part of a pair cannot be
read, the other part is read without it.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipelines.readers.formats import Reader
from pipelines.readers.reading import Config, Counted, FileFacts, Group, Job, ReadResult, Refused
from pipelines.readers.registry import readers
from pipelines.records import Episode, content_id

LONGEST_NS = 10 * 366 * 86_400 * 10**9
TOGETHER = frozenset({"PARTS_DISAGREE"})  # no part is to blame: all of them wait
WORST = ("quarantined", "unsupported", "ingested", "companion")


def read_group(
    root: Path, group: Group, config: Config, *, scratch: Path, reader: Reader
) -> Iterator[ReadResult]:
    """Read `group`, whose files lie below `root`, with `reader`.

    Muxed tracks go to a folder below `scratch` that no other group has: they are stored later on.

    Every result but the last holds episodes and tracks; the last holds the lines. An episode that
    no line names does not count: a file that it is made of was refused later on.
    """
    own = scratch / content_id(reader.told, group.layout, [each.sha256 for each in group.files])
    job = Job(group=group, root=root, config=config, scratch=own, reader=reader.told)
    told = _Told()
    try:
        own.mkdir(parents=True, exist_ok=True)
        for result in reader.read(job):
            told.add(result)
            yield replace(result, files=())
        _refuse_silence(group, told)
    except Refused as error:
        yield from _without(job, error, reader)
    except OSError as error:
        why = Refused(error.strerror or type(error).__name__, code="UNREADABLE")
        yield _all_refused(job, why)
    except MemoryError as error:
        yield _all_refused(job, Refused(f"memory ran out: {error}", code="OUT_OF_MEMORY"))
    except Exception as error:  # noqa: BLE001  one work item ends here; its trace is its evidence
        why = Refused(
            f"{type(error).__name__}: {error}",
            code="READER_ERROR",
            evidence={"trace": traceback.format_exc(limit=-6)},
        )
        yield _all_refused(job, why)
    else:
        yield _with_twins(group, told.lines())


def joined(results: Iterable[ReadResult]) -> ReadResult:
    """Return all that `read_group` yields as one: for what fits into memory."""
    every = tuple(results)
    lines = every[-1].files
    named = {episode_id for line in lines for episode_id in line.episodes}
    return ReadResult(
        episodes=tuple(one for each in every for one in each.episodes if one.episode_id in named),
        tracks=tuple(track for each in every for track in each.tracks) if named else (),
        files=lines,
    )


@dataclass(slots=True)
class _Told:
    """What a reader has said so far of its files, and which of them each episode is made of."""

    by_path: dict[str, FileFacts] = field(default_factory=dict)
    made_of: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def add(self, result: ReadResult) -> None:
        """Take what one result says."""
        for line in result.files:
            before = self.by_path.get(line.path)
            self.by_path[line.path] = line if before is None else _added(before, line)
        for one in result.episodes:
            _refuse_absurd_times(one, result.files)
            if one.episode_id in self.made_of:
                raise Refused(f"two episodes are named {one.part!r}", code="READER_ERROR")
            self.made_of[one.episode_id] = one.files

    def lines(self) -> list[FileFacts]:
        """The lines, each with the episodes that its file is part of."""
        taken = {line.sha256 for line in self.by_path.values() if line.status == "ingested"}
        episodes: dict[str, list[str]] = {}
        for episode_id, files in self.made_of.items():
            for sha256 in set(files) if taken.issuperset(files) else ():
                episodes.setdefault(sha256, []).append(episode_id)
        return [
            replace(line, episodes=tuple(episodes.get(line.sha256, ())))
            for line in self.by_path.values()
        ]


def _refuse_absurd_times(episode: Episode, lines: Iterable[FileFacts]) -> None:
    for stream in episode.streams:
        start_ns, end_ns = stream.span_ns
        row = int(stream.clock.skew.get("jump_row", 0))
        why = f"the time of entry {row} jumps away and back" if row else ""
        if end_ns - start_ns > LONGEST_NS:
            why = "its times span over ten years"
        if why:
            where = {"row": row} if row else {}
            raise Refused(
                f"{stream.name}: {why}",
                code="CLOCK_BROKEN",
                evidence={"stream": stream.name, "start_ns": start_ns, "end_ns": end_ns} | where,
                partial={line.path: _counted(line) for line in lines},
            )


def _counted(line: FileFacts) -> Counted:
    return Counted(
        num_frames=line.num_frames,
        num_messages=line.num_messages,
        duration_ns=line.duration_ns,
        streams=line.streams,
    )


def _added(first: FileFacts, second: FileFacts) -> FileFacts:
    """Return one line for two of the same file: the worse outcome, the sum of the counts."""
    worse = min((first, second), key=lambda line: WORST.index(line.status))
    return replace(
        worse,
        num_frames=first.num_frames + second.num_frames,
        num_messages=first.num_messages + second.num_messages,
        duration_ns=first.duration_ns + second.duration_ns,
        streams=_added_streams(first.streams, second.streams),
    )


def _added_streams(
    first: tuple[Mapping[str, Any], ...], second: tuple[Mapping[str, Any], ...]
) -> tuple[Mapping[str, Any], ...]:
    streams = {str(doc["name"]): doc for doc in first}
    for doc in second:
        before = streams.get(str(doc["name"]))
        streams[str(doc["name"])] = doc if before is None else _added_stream(before, doc)
    return tuple(streams.values())


def _added_stream(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    sums = {name: first[name] + second[name] for name in ("num_frames", "num_messages")}
    start_ns = min(first["start_ns"], second["start_ns"])
    return {**first, **sums, "start_ns": start_ns, "end_ns": max(first["end_ns"], second["end_ns"])}


def _refuse_silence(group: Group, told: _Told) -> None:
    silent = [each.path for each in group.files if each.path not in told.by_path]
    if silent:
        raise Refused(
            f"the reader says nothing of {len(silent)} files, {silent[0]} first",
            code="READER_ERROR",
        )


def _without(job: Job, error: Refused, reader: Reader) -> Iterator[ReadResult]:
    """Quarantine the part of a pair that is at fault and read the other; or quarantine all."""
    rest = tuple(each for each in job.group.files if each.path != error.subject)
    if error.code in TOGETHER or not job.group.picture or len(rest) != 1:
        yield _all_refused(job, error)
        return
    bad = tuple(each for each in job.group.files if each.path == error.subject)
    kept = job.group.picture if job.group.picture != error.subject else ""
    smaller = replace(
        job.group,
        files=rest,
        twins=(),
        picture="",
        reader="video" if kept else job.group.reader,
    )
    own = readers()["video"] if kept else reader
    lines: list[FileFacts] = [job.refused(found, error) for found in bad]
    for result in read_group(job.root, smaller, job.config, scratch=job.scratch, reader=own):
        lines += result.files
        yield replace(result, files=())
    yield _with_twins(job.group, lines)


def _all_refused(job: Job, error: Refused) -> ReadResult:
    """Quarantine every file: the one at fault for its reason, the rest for lack of it."""
    own = {each.path for each in job.group.files}
    lines = []
    for found in job.group.files:
        at_fault = error.code in TOGETHER or error.subject not in own or error.subject == found.path
        lines.append(job.refused(found, error if at_fault else _lacking(error)))
    return _with_twins(job.group, lines)


def _lacking(error: Refused) -> Refused:
    return Refused(
        f"{error.subject}, which belongs to it, cannot be read: {error}",
        code="PARTS_MISSING",
        evidence={"part": error.subject, "reason": error.code},
        partial=error.partial,
    )


def _with_twins(group: Group, lines: Iterable[FileFacts]) -> ReadResult:
    """Repeat each line for the paths where the same bytes lie again."""
    by_path = {line.path: line for line in lines}
    every = list(by_path.values())
    for twin in group.twins:
        for mine, other in zip(group.files, twin, strict=True):
            every.append(replace(by_path[mine.path], path=other.path))
    return ReadResult(files=tuple(sorted(every, key=lambda line: line.path)))
