"""What the documents of a training set say, collected once: every builder reads this value alone.

In: nothing; the export fills it. Out: frozen facts about the set, its sources, their rights, and
what was left out. No builder asks a catalog, reads a clock or draws a random number, so that the
numbers of all documents agree and the same facts give the same bytes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

PERSONS: Final = ("biometric", "likeness", "personal_data", "voice")  # layers about persons
_IDS: Final = uuid.UUID("0d5f4d1c-3a6e-5a8f-9f0e-6a1f5d6f7c11")  # names our ids apart from others'


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """Who makes the training set: the party `operator` of the catalog."""

    name: str
    kind: str = "organisation"
    jurisdiction: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceFact:
    """A licence or agreement over a source.

    `declared` is how the paper names it, `concluded` what the decision rests on: an SPDX id, or a
    `LicenseRef-`. `text` is the paper itself, for public licences whose bytes were kept.
    """

    declared: str
    concluded: str
    kind: str  # public licence, agreement, consent, statute, statement
    instrument: str = ""  # its number or id
    grade: str = ""  # of its evidence, E0 to E4
    url: str = ""
    text: str = ""
    licensor: str = ""
    starts: date | None = None
    ends: date | None = None  # the first day on which it does not hold

    @property
    def is_listed(self) -> bool:
        """Whether the licence has an id on the SPDX list."""
        return not self.concluded.startswith("LicenseRef-")

    @property
    def identity(self) -> tuple[str, ...]:
        """What tells one from another: a public licence its name, an agreement its parties' paper.

        Agreements that nobody named, or that two parties named alike, stay two.
        """
        if self.kind != "agreement":
            return (self.concluded,)
        span = (str(self.starts or ""), str(self.ends or ""))
        return self.concluded, self.instrument, self.licensor, *span


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFact:
    """One right over a source, and what speaks for its use."""

    layer: str
    stream: str  # a rights stream, or "" for all
    bases: tuple[str, ...]  # licences as concluded, or the kind of the basis
    verdict: str
    grade: str = ""
    ends: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalFact:
    """One machine-readable or written statement about use that was found at a source."""

    scheme: str
    place: str
    value: str
    observed: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """One source of the set: what it is, who says that it may be used, and how much of it is here.

    `hours` are those of its clips by modality (video, audio, action, state, event): the lengths of
    the clips, each stream counted once. `num_bytes` is the size of the files of its shard.
    """

    source_id: str
    title: str
    modality: str
    creator: str
    credit: str
    link: str
    acquisition: str  # public, licensed, third_party, crawled, user, synthetic or own
    acquired: tuple[date, date]  # the first and the last day on which files of it were recorded
    licences: tuple[LicenceFact, ...]
    layers: tuple[LayerFact, ...]
    signals: tuple[SignalFact, ...]
    duties: tuple[str, ...]
    decisions: tuple[str, ...]
    ends: date | None
    shard: int
    num_clips: int
    num_rows: int
    num_frames: int
    num_bytes: int
    hours: Mapping[str, float]
    streams: tuple[str, ...]  # the recorder's names
    obtained: str = ""
    fictional: bool = False
    readers: tuple[str, ...] = ()

    @property
    def personal(self) -> tuple[str, ...]:
        """The layers about persons that lie on it."""
        return tuple(sorted({one.layer for one in self.layers} & set(PERSONS)))

    @property
    def is_synthetic(self) -> bool:
        """Whether it was computed and not recorded."""
        return self.modality == "synthetic" or self.acquisition == "synthetic"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedSource:
    """A source that is on record and gave nothing: the request does not permit it."""

    source_id: str
    verdict: str
    reasons: tuple[str, ...]
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFact:
    """One data file of the set, by its path below it."""

    path: str
    num_bytes: int
    sha256: str
    source_id: str = ""  # empty for files of the whole set


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFact:
    """One column of the set's rows: its name, its Arrow type, and what stands in it."""

    name: str
    type: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFacts:
    """Everything that the documents of one version of a training set say."""

    name: str
    version: int | str  # a number of a training set, of a release what was told
    content_digest: str
    predecessor: str | None  # digest of the manifest of the version before
    organisation: Organisation
    request: Mapping[str, Any]
    request_name: str
    profile: str
    rulebook_digest: str
    valid: date  # the day of the decisions, and of the documents
    not_after: date
    sources: tuple[SourceFacts, ...]
    refused: tuple[RefusedSource, ...]
    files: tuple[FileFact, ...]
    columns: tuple[ColumnFact, ...]
    channels: tuple[Mapping[str, Any], ...]  # as the manifest lists them
    splits: Mapping[str, int]  # clips
    render: Mapping[str, Any]
    left_out: Mapping[str, int]  # clips by reason
    answers: Mapping[str, str] = field(default_factory=dict)  # what people said, by field
    producer: str = "clearway"  # name and version of the tool
    made_of: tuple[str, ...] = ()  # of a release: the training sets of its runs

    @property
    def set_id(self) -> str:
        """The name and version under which the catalog knows the set."""
        return f"{self.name}@{self.version}"

    @property
    def described(self) -> str:
        """The training set that the documents are about, or those of a release."""
        return ", ".join(self.made_of) or self.set_id

    @property
    def urn(self) -> str:
        """What the set is called where a document wants an address and none was given."""
        return f"urn:clearway:content:sha256:{self.content_digest}"

    @property
    def num_clips(self) -> int:
        """Clips of all sources."""
        return sum(one.num_clips for one in self.sources)

    @property
    def num_rows(self) -> int:
        """Rows: one a clip and camera."""
        return sum(one.num_rows for one in self.sources)

    @property
    def num_frames(self) -> int:
        """Pictures and their rows of numbers."""
        return sum(one.num_frames for one in self.sources)

    @property
    def num_bytes(self) -> int:
        """Size of all data files."""
        return sum(one.num_bytes for one in self.files)

    @property
    def licences(self) -> tuple[LicenceFact, ...]:
        """The licences that the decisions rest on, each once, by name."""
        found = {one.identity: one for each in self.sources for one in each.licences}
        return tuple(found[key] for key in sorted(found))

    @property
    def acquired(self) -> tuple[date, date]:
        """The first and the last day on which a file of any source was recorded."""
        first, last = zip(*(one.acquired for one in self.sources), strict=True)
        return min(first), max(last)

    def hours(self) -> dict[str, float]:
        """Hours of clips by modality, over all sources."""
        return _summed(one.hours for one in self.sources)

    def urn_of(self, *parts: str) -> str:
        """A name for a part of a document: the same for the same set and part."""
        named = "/".join((self.content_digest, *parts))
        return f"urn:uuid:{uuid.uuid5(_IDS, named)}"


def hours_text(hours: float) -> str:
    """Hours with one decimal, as all documents write them."""
    return f"{hours:.1f}"


def _summed(each: Iterable[Mapping[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for hours in each:
        for name, value in hours.items():
            found[name] = found.get(name, 0.0) + value
    return dict(sorted(found.items()))
