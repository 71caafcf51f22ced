"""Which number a source and a channel have, where a set does not decide that alone.

A run that goes on from another run's weights must mean by domain 2 and by action channel 5 what
those weights mean by them, on the scale they learnt: the numbers, means and deviations are those of
the first run, and sources that are new come after the known ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training.errors import CheckpointError
from training.loader.channels import DOMAINS, domains_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbering:
    """Sources in the order of their numbers, and the channels as the manifest entries of a set."""

    domains: tuple[str, ...]
    channels: tuple[Mapping[str, Any], ...]


def with_sources(numbering: Numbering, manifest: Mapping[str, Any]) -> Numbering:
    """The same numbers, and further ones for the sources of a set that have none yet."""
    new = [name for name in domains_of(manifest) if name not in numbering.domains]
    return Numbering(domains=(*numbering.domains, *new), channels=numbering.channels)


def renumbered(manifest: Mapping[str, Any], numbering: Numbering) -> dict[str, Any]:
    """A manifest that gives its sources and channels these numbers.

    Raises:
        CheckpointError: CHANNEL_UNKNOWN, a channel of the set has no number, or another unit.
    """
    known = {(one["kind"], one["name"]): one for one in numbering.channels}
    place: dict[int, int] = {}
    for one in manifest["channels"]:
        same = known.get((one["kind"], one["name"]))
        if same is None or same["unit"] != one["unit"]:
            raise _unknown(one, known)
        place[one["index"]] = same["index"]
    layouts = {
        source: {kind: [place[at] for at in indices] for kind, indices in layout.items()}
        for source, layout in manifest["layouts"].items()
    }
    numbers = {"channels": list(numbering.channels), "layouts": layouts}
    return {**manifest, **numbers, DOMAINS: list(numbering.domains)}


def _unknown(
    one: Mapping[str, Any], known: Mapping[tuple[str, str], Mapping[str, Any]]
) -> CheckpointError:
    names = ", ".join(f"{name} [{each['unit']}]" for (_, name), each in sorted(known.items()))
    return CheckpointError(
        f"the set has the {one['kind']} channel {one['name']!r} [{one['unit']}], and the parent "
        f"knows {names or 'none'}",
        code="CHANNEL_UNKNOWN",
        subject=str(one["name"]),
        way_out="export the set without that channel, or train without a parent",
    )
