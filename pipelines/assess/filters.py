"""Which clips are kept by what they measure; changing a filter back brings its clips back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from catalog.clips import ClipRow
from pipelines.clip_rules import ClipRules
from pipelines.lake.datasets import has_dataset
from pipelines.lake.reading import scan_columns

SUPERSEDED = "SUPERSEDED"  # of another cut than the last
NO_CLIPS = frozenset({"TOO_SHORT", SUPERSEDED})  # whatever they would measure


def read_measures(uri: str, rules: ClipRules) -> dict[str, dict[str, Any]]:
    """Return what the filters of a source look at, by clip; nothing without filters."""
    names = [one.measure for one in rules.filters]
    if not names or not has_dataset(uri):
        return {}
    rows = scan_columns(uri, ["clip_id", *names]).to_pylist()
    return {row.pop("clip_id"): row for row in rows}


def judged(
    clips: Iterable[ClipRow], rules: ClipRules, measures: Mapping[str, Mapping[str, Any]]
) -> list[ClipRow]:
    """Return the clips of the last cut as the filters judge them."""
    found = []
    for one in clips:
        if one.reason not in NO_CLIPS:
            reason = rules.failed(measures.get(one.clip_id, {}))
            status = "filtered" if reason else "kept"
            same = (one.status, one.reason) == (status, reason)
            found.append(one if same else replace(one, status=status, reason=reason))
    return found
