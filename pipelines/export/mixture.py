"""Which cleared sources a training set is made of, and in which shares they are trained on.

In: names, each alone or with its weight. Out: a mixture; without names every cleared source is in.
A name that is not cleared is refused: a set never lacks a source that was asked for by name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from catalog.errors import NotFound
from pipelines.errors import ExportError
from pipelines.export.lineage_groups import SELECTION
from pipelines.storage import exists, join, read_bytes

if TYPE_CHECKING:
    from pipelines.clear import Clearance, SourceRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Sources by name, all of them when empty; `weights` are shares of what a trainer sees."""

    sources: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)  # empty: by size


EVERY_SOURCE: Final = Mixture()


def read_mixture(words: Sequence[str]) -> Mixture:
    """Read `NAME` or `NAME=WEIGHT` words; weights are above 0, and given to all or to none.

    Raises:
        ExportError: MIXTURE_INVALID.
    """
    pairs = [tuple(map(str.strip, word.partition("=")[::2])) for word in words]
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None or not all(names):
        raise _invalid(twice or "", "each source once, by its name")
    weighted = {name: _weight(name, text) for (name, text), word in zip(pairs, words, strict=True)
                if "=" in word}  # fmt: skip
    if weighted and len(weighted) < len(names):
        lacking = next(name for name in names if name not in weighted)
        raise _invalid(lacking, "a weight for every source that is named, or for none")
    return Mixture(sources=tuple(sorted(names)), weights=dict(sorted(weighted.items())))


def chosen_rows(clearance: Clearance, mixture: Mixture, *, name: str) -> list[SourceRow]:
    """The rows of a clearance that the training set `name` is made of.

    Raises:
        NotFound: UNKNOWN_ID, a name that is no source.
        ExportError: NOT_CLEARED, a source that was named and is not permitted.
    """
    by_name = {one.source: one for one in clearance.rows}
    for one in mixture.sources:
        if one not in by_name:
            raise NotFound(
                f"training set {name}: no source is named {one!r}",
                code="UNKNOWN_ID",
                subject=one,
                way_out="see `clearway source list`",
            )
        if not by_name[one].permitted:
            reasons = ", ".join(by_name[one].reasons)
            raise ExportError(
                f"training set {name}: source {one} was named and is not cleared for this request: "
                f"{by_name[one].verdict} ({reasons})",
                code="NOT_CLEARED",
                subject=one,
                way_out="leave it out, or see `clearway clear --nearly` for what would clear it",
            )
    wanted = set(mixture.sources)
    return [one for one in clearance.rows if one.permitted and (not wanted or one.source in wanted)]


def weights_of(uri: str) -> dict[str, float]:
    """The weights that the set at `uri` was exported with; one without them is taken by size."""
    path = join(uri, SELECTION)
    return dict(json.loads(read_bytes(path)).get("weights", {})) if exists(path) else {}


def _weight(name: str, text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        raise _invalid(f"{name}={text}", "NAME=WEIGHT with a number above 0")
    return weight


def _invalid(got: str, expected: str) -> ExportError:
    return ExportError(
        f"mixture: got {got!r}, expected {expected}",
        code="MIXTURE_INVALID",
        subject=got,
        way_out="as in `--source open --source game`, or `--source open=3 --source game=1`",
    )
