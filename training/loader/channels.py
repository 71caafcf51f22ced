"""One place for every channel: keys, mouse, joints and end effectors share a vector by masks.

The manifest's registry gives each channel its unit, mean and standard deviation over the cleared
rows; its layouts say which channel stands in which column of a source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.windows import Bools, Ints

Floats = NDArray[np.float32]
DOMAINS: Final = "domains"  # of a manifest whose sources were numbered by another run


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """All channels of one kind ("action" or "state") and where each source's columns go."""

    kind: str
    names: tuple[str, ...]
    mean: Floats
    scale: Floats
    columns: Mapping[str, Ints]  # source -> place of each of its columns

    @property
    def width(self) -> int:
        """Channels of the vector; at least one, so that a set without any keeps a shape."""
        return max(1, len(self.names))

    def spread(self, source_id: str, values_TC: Floats, valid_TC: Bools) -> tuple[Floats, Bools]:
        """Columns of a source as normalised channels and their mask; not valid is not there."""
        length = len(values_TC)
        out = np.zeros((length, self.width), dtype=np.float32)
        mask = np.zeros((length, self.width), dtype=np.bool_)
        places = self.columns.get(source_id, np.zeros(0, dtype=np.int64))[: values_TC.shape[1]]
        if len(places):
            fine = valid_TC[:, : len(places)] & np.isfinite(values_TC[:, : len(places)])
            scaled = (values_TC[:, : len(places)] - self.mean[places]) / self.scale[places]
            out[:, places] = np.where(fine, np.clip(scaled, -10, 10), 0)
            mask[:, places] = fine
        return out, mask


def channels_of(manifest: Mapping[str, Any], kind: str) -> Channels:
    """The channels of one kind from a manifest; a constant channel is only centred."""
    entries = sorted(
        (one for one in manifest["channels"] if one["kind"] == kind), key=lambda one: one["index"]
    )
    place = {one["index"]: number for number, one in enumerate(entries)}
    return Channels(
        kind=kind,
        names=tuple(one["name"] for one in entries),
        mean=np.array([one["mean"] for one in entries], dtype=np.float32),
        scale=np.array([one["std"] if one["std"] > 1e-6 else 1.0 for one in entries], np.float32),
        columns={
            source: np.array([place[index] for index in layout.get(kind, ())], dtype=np.int64)
            for source, layout in manifest["layouts"].items()
        },
    )


def domains_of(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """The sources of a set in the order that numbers them.

    A source whose every clip was erased keeps its number by its tombstones, so a run that goes on
    with a successor set means the same source by the same number.
    """
    if DOMAINS in manifest:
        return tuple(manifest[DOMAINS])
    erased = {one["source_id"] for one in manifest["tombstones"]}
    return tuple(sorted(erased | set(manifest["layouts"])))
