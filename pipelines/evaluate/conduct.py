"""The parts of the page that tell how a model behaves: following, drift, return, bounds, speed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pipelines.evaluate.markup import Markup, element, facts, paragraph, table, text
from pipelines.evaluate.plots import Line, curves
from pipelines.evaluate.sections import NAMES, interval
from training.evaluating import Evaluation
from training.evaluating.behaviour import Behaviour
from training.evaluating.drift import Drift
from training.evaluating.following import READABLE, Following
from training.evaluating.returning import Persistence

_READ: Final = {
    "real": "real frames, the actions that led to them",
    "model": "rollout with true actions, those",
    "shuffled_actions": "rollout with other actions, those",
    "shuffled_as_true": "rollout with other actions, the true ones",
}
_UNDER: Final = {
    "real": "real frames",
    "true_actions": "true actions",
    "held": "last action held",
    "far_up": "all actions far up",
    "far_down": "all actions far down",
    "swinging": "from end to end",
}


def conduct(evaluation: Evaluation) -> Iterator[Markup]:
    """Every part that was measured."""
    told: Behaviour = evaluation.behaviour
    if told.following is not None:
        yield from _following(told.following)
    if told.drift is not None:
        yield from _drift(told.drift)
    if told.persistence is not None:
        yield from _persistence(told.persistence)
    if told.bounds:
        yield from _bounds(told)
    yield from _speed(evaluation)


def _following(found: Following) -> Iterator[Markup]:
    yield element("h2", text("Following actions"))
    yield paragraph(_followed(found))
    rows = [[_READ[way], interval(one, 0, digits=3)] for way, one in found.ways.items()]
    caption = (
        f"Share of the actions' variance that the probe reads (R2), {found.num_windows} windows"
    )
    yield table(caption, ["", "R2 and 95 % interval"], rows)
    if len(found.by_source) > 1:
        yield table(
            "The same by source",
            ["", *_READ.values()],
            (
                [name, *(f"{one[way]:.3f}" for way in _READ)]
                for name, one in found.by_source.items()
            ),
        )
    read = (f"{name}: {', '.join(each)}" for name, each in found.channels.items())
    yield paragraph(f"Channels that move, by source: {'; '.join(read)}.", class_="soft")


def _followed(found: Following) -> str:
    real, model = (found.ways[way].mean[0] for way in ("real", "model"))
    if not found.is_readable:
        return (
            f"The probe reads {real:.3f} of the actions from real held-out frames, less than "
            f"{READABLE}: it cannot say whether the model follows."
        )
    return (
        f"From real held-out frames the probe reads {real:.3f} of the actions, from the model's "
        f"own frames {model:.3f}."
    )


def _drift(found: Drift) -> Iterator[Markup]:
    yield element("h2", text("Long rollouts"))
    beyond = ", longer than any window of training" if found.beyond_training else ""
    says = f"{found.num_windows} windows of {found.num_clips} clips, {found.num_frames} frames"
    lines = [Line(name=NAMES[way], values=one.mean) for way, one in found.psnr.items()]
    yield element(
        "figure",
        curves(
            "PSNR over a long rollout", f"{says}{beyond}.", lines,
            axes=("frames after the context", "PSNR, dB"), looks=(0, 3, 4),
        ),
        element("figcaption", text(f"{says} predicted{beyond}.")), tabindex="0",
    )  # fmt: skip
    yield table(
        "Slope of PSNR in dB a frame: below 0 it falls",
        ["", "slope and 95 % interval"],
        ([NAMES[way], interval(one, 0, digits=4)] for way, one in found.slope.items()),
    )
    if found.bands:
        yield table(
            "Squared Fréchet distance of latents to real frames of other clips, in our own frozen "
            "encoder: read it against the column of real frames",
            ["frames", "in each cloud", "model", "copy last frame", "real frames"],
            (
                [f"{one.first} to {one.last}", str(one.num_frames)]
                + [f"{value:.4f}" for value in (one.model, one.copy_last, one.real)]
                for one in found.bands
            ),
        )
    else:
        yield paragraph("One clip has no halves: no distance of latents.", class_="note")


def _persistence(found: Persistence) -> Iterator[Markup]:
    yield element("h2", text("Returning to a place"))
    yield paragraph(
        f"{found.num_windows} of {found.num_looked} windows come back to a view of their context, "
        f"{found.frames_away:g} frames after it on average."
    )
    yield table(
        "PSNR in dB at the return",
        ["", "PSNR and 95 % interval"],
        ([NAMES[way], interval(one, 0, digits=2)] for way, one in found.at.items()),
    )


def _bounds(told: Behaviour) -> Iterator[Markup]:
    yield element("h2", text("Actions that nobody recorded"))
    broken = [_UNDER[way] for way, one in told.bounds.items() if not one.finite]
    yield paragraph(
        f"Not finite under: {', '.join(broken)}." if broken else "Every prediction is finite.",
        **({"class_": "note"} if broken else {}),
    )
    yield table(
        "How far rollouts go: actions of ten standard deviations, or one action held",
        ["", "finite", "largest latent", "at the edge", "outside the real range",
         "largest state", "of the largest real one"],
        (
            [_UNDER[way], "yes" if one.finite else "no", f"{one.latent_max:.3f}",
             f"{one.at_edge:.2%}", f"{one.outside:.2%}", f"{one.state_max:.2f}",
             f"{one.state_over:.2f}"]
            for way, one in told.bounds.items()
        ),
    )  # fmt: skip


def _speed(evaluation: Evaluation) -> Iterator[Markup]:
    yield element("h2", text("Speed and repeatability"))
    pairs: dict[str, str] = {
        "weights": ", ".join(f"{name} {num:,}" for name, num in evaluation.num_weights.items()),
        "digest of the predictions": evaluation.digest,
        "a second rollout": "the same bits" if evaluation.repeats else "other bits",
    }
    yield facts("Model and predictions", {**_timed(evaluation), **pairs})


def _timed(evaluation: Evaluation) -> Mapping[str, str]:
    found = evaluation.behaviour.latency
    if found is None:
        return {}
    steps = f", {found.euler_steps} steps a frame" if found.euler_steps > 1 else ""
    return {
        "milliseconds a frame": (
            f"{found.p50_ms:.1f} (p50), {found.p95_ms:.1f} (p95): one window, decoded, "
            f"{found.num_frames} frames on {found.device}{steps}"
        )
    }
