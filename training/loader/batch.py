"""What is asked of a feed and what it delivers: values, whether threads or processes read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from training.loader.channels import Floats, channels_of, domains_of
from training.loader.decoder import Frames
from training.windows import Bools, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The windows of one rank for one step; `slots` are their places in the global batch."""

    step: int
    slots: Ints
    windows: Ints
    sequence: int  # of the revocation list under which they were chosen
    position: int = 0  # in the order, after the global batch
    kept: frozenset[int] = frozenset()  # windows whose frames nobody will look at


# B batch, T frames, H height, W width, C colours, A action channels, S state channels,
# P frames of actions before the window, Q frames of states before it
@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one rank trains on in one step."""

    step: int
    sequence: int
    slots_B: Ints
    window_B: Ints
    frames_BTHWC: Frames
    action_BTA: Floats
    action_mask_BTA: Bools
    state_BTS: Floats
    state_mask_BTS: Bools
    past_action_BPA: Floats  # masked before the clip begins
    past_action_mask_BPA: Bools
    past_state_BQS: Floats
    past_state_mask_BQS: Bools
    dt_BT: Floats  # seconds since the frame before
    domain_B: Ints  # number of the source
    video_B: Bools  # false where the clip has no video
    weight_B: Floats  # 0 where the window could not be decoded
    lost: tuple[tuple[int, int, int, str], ...]  # step, slot, window, code
    kept: frozenset[int] = frozenset()  # windows that came without frames, as was asked


# the arrays that have an entry for each window
ARRAYS: Final = tuple(one.name for one in fields(Batch) if "_B" in one.name)


def windows_at(batch: Batch, places: Ints) -> Batch:
    """The windows of a batch at some places; what was lost is told of the whole batch."""
    return replace(batch, **{name: getattr(batch, name)[places] for name in ARRAYS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """What a model must know of a set before it sees a batch."""

    height: int
    width: int
    num_actions: int
    num_states: int
    domains: tuple[str, ...]  # sources; their order numbers them


def shapes_of(manifest: Mapping[str, Any]) -> Shapes:
    """The sizes that a manifest promises."""
    return Shapes(
        height=manifest["render"]["height"],
        width=manifest["render"]["width"],
        num_actions=channels_of(manifest, "action").width,
        num_states=channels_of(manifest, "state").width,
        domains=domains_of(manifest),
    )


def shapes_from(doc: Mapping[str, Any]) -> Shapes:
    """Read the shapes that a checkpoint keeps."""
    return Shapes(**{**doc, "domains": tuple(doc["domains"])})
