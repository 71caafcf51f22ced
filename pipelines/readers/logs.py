"""What all readers of message logs share: topics filled message by message, parts, damage.

A log is one file or several parts of one recording. A reader says of each topic how its messages
are written and gets a function that takes them. At the end the log becomes one episode with a
stream a topic and a line for each part; a damaged one is refused with what was read of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from pipelines.clocks import TRUST
from pipelines.readers.definitions import PRE_IRON, fields_of
from pipelines.readers.pictured import Look
from pipelines.readers.protobuf import decoder_of
from pipelines.readers.reading import Counted, Job, ReadResult, Refused
from pipelines.readers.shots import Told
from pipelines.readers.topics import Topic
from pipelines.readers.wire import Wire
from pipelines.records import Found, Stream, period_ns

Feed = Callable[[bytes, int, int], None]  # bytes of a message, log time, publish time
MOST_LOOKS = 16  # kinds of pictures on one topic, each a stream
DOCUMENTS = frozenset({"json", "protobuf"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How the messages of a topic are written, as the log says."""

    encoding: str  # cdr | ros1 | json | protobuf, or one that nothing here decodes
    type_name: str = ""
    definition: bytes = b""
    definition_encoding: str = "ros2msg"


@dataclass(slots=True, kw_only=True)
class Log:
    """What has been read of the files of one group."""

    job: Job
    topics: dict[tuple[str, Said, Look | None], Topic] = field(default_factory=dict)
    lost: list[Mapping[str, Any]] = field(default_factory=list)  # chunks and messages
    gaps: list[tuple[int, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    parts: list[tuple[Found, dict[str, int]]] = field(default_factory=list)
    promised: int = -1
    ended: str = ""  # why reading ended before the end of the file
    is_cut: bool = False  # known to be shorter than it says, whatever else is wrong
    distro: str = ""  # whose definitions are used, where the log has none of its own
    shortfall: str = "CORRUPT"  # the reason when nothing else is wrong but the count
    at_fault: str = ""  # path of the first part that is damaged

    def __post_init__(self) -> None:
        asked = self.job.config.get("clock", "")
        if asked and asked not in TRUST:
            raise Refused(
                f"the option clock is {asked!r}, expected {', '.join(TRUST)}",
                code="READER_ERROR",
                way_out="register the source with another --option clock=…",
            )

    @property
    def num_messages(self) -> int:
        """Messages read of all topics."""
        return sum(topic.num_messages for topic in self.topics.values())

    @property
    def is_damaged(self) -> bool:
        """Whether something is known to be lost, or the end is not there."""
        return bool(self.lost or self.ended)

    def feed(self, topic: str, said: Said) -> Feed:
        """Return what takes the messages of a topic that are written as `said`."""
        gathered = self.topics.get((topic, said, None))
        if gathered is None:
            gathered = self.topics[topic, said, None] = self._new_topic(topic)
            gathered.split = partial(self._split, topic, said)
            if said.encoding in {"cdr", "ros1"}:
                self._set_wire(gathered, said)
        if gathered.wire:
            return gathered.add_wire
        decode = _decode(said) if said.encoding in DOCUMENTS else None
        if decode is None:
            self._note_unread(gathered, said)
            return _raw(gathered)
        return _decoded(gathered, decode)

    def end_part(self, found: Found) -> None:
        """Note that the messages so far, and not yet in a part, are those of `found`."""
        for topic in tuple(self.topics.values()):  # pictures of another look begin a new one
            topic.flush()
        for topic in self.topics.values():
            self.lost += topic.lost
            topic.lost = []
        self.parts.append((found, {one.name: one.num_messages for one in self.topics.values()}))
        if self.is_damaged:
            self.at_fault = self.at_fault or found.path

    def promise(self, num_messages: int) -> None:
        """Note how many messages a part says it has; -1 when it does not say."""
        known = num_messages >= 0 and (self.promised >= 0 or not self.parts)
        self.promised = max(self.promised, 0) + num_messages if known else -1

    def results(self) -> Iterator[ReadResult]:
        """Yield the episode and a line for each part, or refuse them."""
        first = self.job.group.files[0]
        if not self.num_messages and not self.is_damaged:
            raise Refused(f"{first.path}: no message in it", code="NO_CONTENT")
        self._refuse_unused_field()
        filled = [topic for topic in self.topics.values() if topic.num_messages]
        told: list[tuple[Topic, Told]] = []
        for topic in sorted(filled, key=lambda each: each.name):
            told.append((topic, topic.stream(first.sha256)))
            self.lost += told[-1][1].lost
            self.gaps += told[-1][1].gaps
        counted = {found.path: each for found, each in self._counted(told)}
        self._refuse_damage(counted)
        streams = [one.stream for _, one in told]
        tracks = [one.track for _, one in told if one.track]
        lines = tuple(self.job.facts(found, counted[found.path]) for found, _ in self.parts)
        episode = self.job.episode(
            streams, gaps=_joined(sorted(self.gaps)), notes=self._all_notes()
        )
        yield ReadResult(episodes=(episode,), tracks=tuple(tracks), files=lines)

    def _refuse_unused_field(self) -> None:
        """Refuse a log of which no message holds a time where the source says that it stands."""
        asked = str(self.job.config.get("stamp_field", ""))
        if not asked or any(topic.is_stamped for topic in self.topics.values()):
            return
        raise Refused(
            f"no message has a time at {asked!r}",
            code="CLOCK_BROKEN",
            way_out="set stamp_field to a time, and time_unit to what its numbers count",
            evidence={"stamp_field": asked, "topics": len(self.topics)},
        )

    def _split(self, topic: str, said: Said, look: Look) -> Topic | None:
        """Return what takes pictures unlike the first of their topic; None if too many are."""
        key = (topic, said, look)
        if key not in self.topics:
            if sum((name, how) == (topic, said) for name, how, _ in self.topics) > MOST_LOOKS:
                return None
            self.topics[key] = self._new_topic(topic)
        return self.topics[key]

    def _new_topic(self, topic: str) -> Topic:
        same = sum(name == topic for name, _, _ in self.topics)
        number = len(self.topics)
        return Topic(
            name=f"{topic}#{same + 1}" if same else topic,  # one name, two kinds of messages
            spool=self.job.scratch / f"{self.job.group.files[0].sha256[:16]}-{number}.packets",
            stamp_field=str(self.job.config.get("stamp_field", "")),
            stamp_unit=str(self.job.config.get("time_unit", "")),
            clock=str(self.job.config.get("clock", "")),
        )

    def _set_wire(self, topic: Topic, said: Said) -> None:
        """Find out what the messages are made of; without a definition one is chosen."""
        text = said.definition.decode("utf-8", "replace")
        is_cdr = said.encoding == "cdr"
        chosen = str(self.job.config.get("distro", "")) or self.distro or PRE_IRON
        distro = chosen if is_cdr else "noetic"
        how = said.definition_encoding
        fields = fields_of(said.type_name, text, encoding=how, distro=distro)
        if fields is None:
            return
        topic.wire = Wire(fields=fields, is_cdr=is_cdr)
        topic.is_guess = not text.strip()
        if topic.is_guess:
            self.notes.append(
                f"{topic.name}: read by the definition of {said.type_name} in {distro}, "
                "for the log has none"
            )

    def _note_unread(self, topic: Topic, said: Said) -> None:
        what = f"{said.encoding or 'unknown'} {said.type_name}".strip()
        self.notes.append(f"{topic.name}: kept as bytes, nothing decodes {what}")

    def _counted(self, told: Sequence[tuple[Topic, Told]]) -> Iterator[tuple[Found, Counted]]:
        before: Mapping[str, int] = {}
        for found, upto in self.parts:
            docs = []
            for topic, one in told:
                low, high = before.get(topic.name, 0), upto.get(topic.name, 0)
                if high > low:
                    docs.append(_part_doc(topic, one.stream, low=low, high=high))
            before = upto
            yield found, _sums(docs)

    def _refuse_damage(self, counted: Mapping[str, Counted]) -> None:
        read = self.num_messages
        missing = self.promised - read if self.promised >= 0 else 0
        if self.job.config.get("accept_partial") or not (self.is_damaged or missing):
            return
        subject = self.at_fault or self.parts[0][0].path
        raise Refused(
            f"{subject}: {read} messages read, then damaged",
            code=self._reason(),
            subject=subject if self.at_fault else "",
            way_out="set accept_partial in the source's config to keep what reads",
            evidence={
                "messages_read": read,
                "messages_promised": self.promised,
                "lost": len(self.lost),
                "lost_messages": sum(int(each.get("messages", 1)) for each in self.lost),
                "first_lost": self.lost[0] if self.lost else {},
                "ended": self.ended,
            },
            partial=counted,
        )

    def _reason(self) -> str:
        if self.ended and (self.is_cut or not self.lost):
            return "TRUNCATED"
        return "CORRUPT" if self.lost else self.shortfall

    def _all_notes(self) -> tuple[str, ...]:
        misfits = [
            f"{topic.name}: kept as bytes, its messages are not what that definition says"
            for topic in self.topics.values()
            if topic.is_guess and topic.wire is None
        ]
        lost = [f"partial: {len(self.lost)} chunks or messages lost"] if self.lost else []
        ended = [f"partial: ended early, {self.ended}"] if self.ended else []
        return (*self.notes, *misfits, *lost, *ended)


def _joined(gaps: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans that are in order, those that meet as one."""
    whole: list[tuple[int, int]] = []
    for start, end in gaps:
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((start, end))
    return whole


def _decode(said: Said) -> Callable[[bytes], Mapping[str, Any]] | None:
    if said.encoding == "protobuf":
        return decoder_of(said.type_name, said.definition)
    return _json_document


def _json_document(data: bytes) -> Mapping[str, Any]:
    doc = json.loads(data)
    return doc if isinstance(doc, dict) else {"value": doc}


def _decoded(topic: Topic, decode: Callable[[bytes], Mapping[str, Any]]) -> Feed:
    def take(data: bytes, log_time: int, publish_time: int) -> None:
        try:
            topic.add(decode(data), log_time=log_time, publish_time=publish_time)
        except (ValueError, RecursionError) as error:
            topic.lose(str(error), log_time)

    return take


def _raw(topic: Topic) -> Feed:
    def take(data: bytes, log_time: int, publish_time: int) -> None:
        topic.add_raw(data, log_time=log_time, publish_time=publish_time)

    return take


def _part_doc(topic: Topic, stream: Stream, *, low: int, high: int) -> dict[str, Any]:
    """Return the line of a stream for the messages `[low, high)` that one part holds.

    Its span is that of all these messages, also of pictures that cannot be shown.
    """
    part = np.sort(topic.ts_ns[low:high])
    shown = stream.ts_ns[(stream.ts_ns >= part[0]) & (stream.ts_ns <= part[-1])]
    doc = replace(stream, ts_ns=shown, num_messages=high - low, index=None).doc()
    return doc | {"start_ns": int(part[0]), "end_ns": int(part[-1]) + period_ns(part)}


def _sums(docs: Sequence[dict[str, Any]]) -> Counted:
    start_ns = min((doc["start_ns"] for doc in docs), default=0)
    end_ns = max((doc["end_ns"] for doc in docs), default=0)
    return Counted(
        num_frames=sum(doc["num_frames"] for doc in docs),
        num_messages=sum(doc["num_messages"] for doc in docs),
        duration_ns=end_ns - start_ns,
        streams=tuple(docs),
    )
