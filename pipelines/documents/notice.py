"""The notices of a training set: `NOTICE` for people, `notices.json` with one object a duty.

In: what is known of every cleared source, collected once by the station. Out: two files, the same
bytes for the same facts. Every duty of every decision is covered exactly once, and no notice stands
without a decision: `check_notices` compares the file with the duties it must hold.

Attribution follows CC BY 4.0 s.3(a)(1): creator and notice are repeated "if supplied by the
Licensor"; what was not supplied is said to be missing, not made up.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from licensing.manifest import digest
from pipelines.errors import ExportError

CHANGES = "Modified by Clearway: trimmed to clips, resized, re-encoded, resampled in time."
LEAST = 72  # width of the rules in NOTICE

_WORDS = {
    "attribute": "Credit the creator: {credit}",
    "attribute:dataset-link": "Link to where the data set names its creators: {link}",
    "attribute:llama-name": "Put Llama in front of the name of a model made with this material.",
    "keep-notice": "Keep this notice and the licence text with every copy: {credit}",
    "keep-notice:advertising": "Advertising that mentions this material acknowledges: {credit}",
    "keep-notice:ODbL-1.0": "Say that the database is available under ODbL-1.0: {credit}",
    "keep-notice:llama2": "Keep the notice of the Llama 2 licence with every copy.",
    "keep-notice:llama3": "Keep the notice of the Llama 3 licence with every copy.",
    "share-alike": "What is adapted from this material stays under its licence ({licence}).",
    "share-alike:dormant": "Once weights or adapted data are given away, they stay under the "
    "licence of this material ({licence}).",
    "flow-down": "Pass this restriction on with the material and its results: {detail}.",
    "keep-item-licence": "Each item stays under its own licence.",
    "contract-duties": "{terms}",
    "keep-evidence": "Keep the evidence of the right on file: {detail}.",
    "limit-retention": "Keep copies no longer than the purpose needs.",
    "secure-copies": "Store copies with an appropriate level of security.",
    "review": "A person reviews this right before the material is used again.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """A licence or agreement that a source stands under; `text` is the paper itself, if kept."""

    name: str
    url: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeSource:
    """One source of a training set, as one decision cleared it."""

    source_id: str
    decision_id: str
    duties: tuple[str, ...]
    num_clips: int
    title: str = ""
    creator: str = ""
    credit: str = ""
    link: str = ""
    licences: tuple[Licence, ...] = ()
    under: Mapping[str, str] = field(default_factory=dict)  # duty -> the licences that ask for it
    terms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Obligations in their own words, by the agreement that `contract-duties` names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFacts:
    """Everything that the notices of a training set say."""

    set_name: str
    sources: tuple[NoticeSource, ...]


def build(facts: NoticeFacts) -> dict[str, bytes]:
    """Write `NOTICE` and `notices.json`."""
    notices = [notice for source in _sorted(facts) for notice in _notices(source)]
    text = json.dumps(notices, indent=1, sort_keys=True, ensure_ascii=False)
    return {"NOTICE": _notice_text(facts).encode(), "notices.json": (text + "\n").encode()}


def notice_id(source: NoticeSource) -> str:
    """Name the notices of a source by what they say, 32 hex digits; no duty, no notice.

    The decision is left out: deciding the same again must not change the rows that point here.
    """
    if not source.duties:
        return ""
    said = [_said(source, duty) for duty in sorted(source.duties)]
    return digest({"source": source.source_id, "licence": _licence_names(source), "says": said})[
        :32
    ]


def credits_of(sources: Iterable[NoticeSource]) -> str:
    """Whom the notices of several sources or decisions name, each once."""
    return "; ".join(dict.fromkeys(one.credit for one in sources if one.credit))


def check_notices(raw: bytes, duties: Mapping[str, Iterable[str]]) -> None:
    """Compare `notices.json` with the duties of each decision, by decision id.

    Clips over parts of several decisions have a notice of their own, with the duties of them all.

    Raises:
        ExportError: NOTICE_MISSING, NOTICE_TWICE or NOTICE_UNFOUNDED.
    """
    notices = json.loads(raw)
    written = [(one["decision"], one["duty"]) for one in notices]
    owed = [(decision, duty) for decision, each in duties.items() for duty in each]
    said = Counter((one["decision"], one["duty"], one["id"]) for one in notices)
    for code, wrong in (
        ("NOTICE_TWICE", [one[:2] for one, times in said.items() if times > 1]),
        ("NOTICE_MISSING", [pair for pair in owed if pair not in written]),
        ("NOTICE_UNFOUNDED", [pair for pair in written if pair not in owed]),
    ):
        if wrong:
            raise ExportError(
                f"notices.json: duty {wrong[0][1]!r} of decision {wrong[0][0]}: {code}, expected "
                "every duty exactly once",
                code=code,
                subject=wrong[0][0],
                way_out="export the training set again; its documents were changed",
            )


def _sorted(facts: NoticeFacts) -> list[NoticeSource]:
    return sorted(facts.sources, key=lambda one: (one.source_id, one.decision_id))


def _notices(source: NoticeSource) -> list[dict[str, object]]:
    return [
        {
            "id": notice_id(source),
            "duty": duty,
            "source": source.source_id,
            "licence": _licence_of(source, duty),
            "text": _said(source, duty),
            "clips": source.num_clips,
            "decision": source.decision_id,
        }
        for duty in sorted(set(source.duties))
    ]


def _said(source: NoticeSource, duty: str) -> str:
    key, _, detail = duty.partition(":")
    template = _WORDS.get(duty) or _WORDS.get(key, "Duty: {duty}.")
    credit = source.credit or source.creator or "creator not supplied by the licensor"
    terms = " ".join(source.terms.get(detail, ()))
    return template.format(
        duty=duty,
        credit=credit,
        link=", ".join(filter(None, (source.link, credit))),
        licence=_licence_of(source, duty) or "see the licence",
        detail=detail or _licence_of(source, duty) or "see the licence",
        terms=terms or f"Duties of the agreement {detail or 'without a name'}: see the agreement.",
    )


def _licence_of(source: NoticeSource, duty: str) -> str:
    """The licences that ask for a duty; of a source that does not tell them apart, all."""
    return source.under.get(duty, _licence_names(source))


def _licence_names(source: NoticeSource) -> str:
    return ", ".join(sorted({one.name for one in source.licences if one.name}))


def _notice_text(facts: NoticeFacts) -> str:
    parts = [
        f"NOTICE for the training set {facts.set_name}",
        "",
        "This set holds material of others. Each part stays under the terms named here; keep this",
        "file with every copy.",
        CHANGES,
    ]
    keyed = sorted(_sorted(facts), key=_group)
    for _, group in groupby(keyed, key=_group):
        parts += _section(list(group))
    papers = {one.name: one.text for source in keyed for one in source.licences if one.text}
    for name, text in sorted(papers.items()):
        parts += ["", "=" * LEAST, name, "=" * LEAST, "", text.strip()]
    return "\n".join(parts) + "\n"


def _group(source: NoticeSource) -> tuple[str, str, str, tuple[str, ...]]:
    """Works of one section owe the same: what one of them owes is not said of another."""
    return source.creator, _licence_names(source), source.link, _owed(source)


def _owed(source: NoticeSource) -> tuple[str, ...]:
    return tuple(_said(source, duty) for duty in sorted(set(source.duties)))


def _section(group: Sequence[NoticeSource]) -> list[str]:
    first = group[0]
    clips = sum(one.num_clips for one in group)
    works = ", ".join(dict.fromkeys(one.title or one.source_id for one in group))
    lines = ["", "-" * LEAST, f"Work:     {works} ({clips} clips)"]
    facts = {"Creator": first.creator, "Notice": credits_of(group), "Link": first.link}
    lines += [f"{name + ':':<10}{value}" for name, value in facts.items() if value]
    for licence in dict.fromkeys((one.name, one.url) for each in group for one in each.licences):
        lines.append(f"{'Licence:':<10}{' '.join(part for part in licence if part)}")
    return lines + [f"* {text}" for text in _owed(first)]
