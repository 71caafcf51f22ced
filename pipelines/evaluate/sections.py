"""The parts of the page that tell of figures: what they are, beside what they must be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pipelines.evaluate.markup import Markup, element, paragraph, table, text
from pipelines.evaluate.plots import Line, curves, dots
from training.evaluating import Evaluation
from training.evaluating.comparing import COPY, MODEL, NULL, SHUFFLED, Compared
from training.evaluating.estimates import FEW_CLIPS, Curve

NAMES: Final = {
    "model": "model",
    "shuffled_actions": "other actions",
    "null_action": "no action",
    "copy_last": "copy last frame",
    "tokenizer": "tokenizer alone",
}


def opening(evaluation: Evaluation) -> Iterator[Markup]:
    """The answer first, then what limits it."""
    yield paragraph(_verdict(evaluation), class_="verdict")
    if evaluation.overall is not None:
        yield paragraph(_actions(evaluation, evaluation.overall))
    for one in _limits(evaluation):
        yield paragraph(one, class_="note")


def horizons(evaluation: Evaluation) -> Iterator[Markup]:
    """PSNR and SSIM by frame, with every control."""
    overall = evaluation.overall
    if overall is None:
        return
    yield element("h2", text("By horizon"))
    lines = [
        Line(name=NAMES[way], values=one.mean, low=one.low, high=one.high)
        if way == MODEL
        else Line(name=NAMES[way], values=one.mean)
        for way, one in overall.psnr.items()
    ]
    yield element(
        "figure",
        curves(
            "PSNR by predicted frame",
            _ends(overall.psnr),
            lines,
            axes=("frames after the context", "PSNR, dB"),
        ),
        element("figcaption", text("Band: 95 % interval of the model, by a bootstrap over clips.")),
        tabindex="0",
    )
    at = [one - 1 for one in evaluation.horizons]
    heads = _heads(evaluation)
    yield table("PSNR in dB: mean, and 95 % interval", heads, _rows(overall.psnr, at, digits=2))
    yield table("SSIM: mean, and 95 % interval", heads, _rows(overall.ssim, at, digits=3))
    deltas = {f"model less {NAMES[way]}": one for way, one in overall.delta_psnr.items()}
    yield table(
        "Difference in dB, window by window: an interval above 0 is a win", heads,
        _rows(deltas, at, digits=2),
    )  # fmt: skip


def groups(evaluation: Evaluation) -> Iterator[Markup]:
    """The longest horizon by source, domain and rights class."""
    if evaluation.overall is None:
        return
    last = evaluation.horizons[-1]
    for kind, found in evaluation.groups.items():
        if not found:
            continue
        yield element("h2", text(f"By {kind}"))
        if kind == "source" and len(found) > 1:
            yield element("figure", _by_source(found, last), tabindex="0")
        heads = ["", "windows", "clips", *NAMES.values(), "less other actions", "less copy"]
        rows = ([name, *_group(one, last - 1)] for name, one in found.items())
        yield table(f"PSNR in dB at frame {last}, by {kind}", heads, rows)


def states(evaluation: Evaluation) -> Iterator[Markup]:
    """The states that follow against the last one known."""
    found = evaluation.states
    if found is None:
        return
    yield element("h2", text("State"))
    at = [one - 1 for one in evaluation.horizons]
    yield table(
        f"Root mean squared error over {found.num_windows} windows, in standard deviations of "
        "each channel: lower is better",
        _heads(evaluation),
        _rows({"model": found.model, "copy the last state": found.copy_last}, at, digits=3),
    )


def interval(curve: Curve, at: int, *, digits: int) -> str:
    """A mean with its interval."""
    mean, low, high = (number(one[at], digits) for one in (curve.mean, curve.low, curve.high))
    return f"{mean} ({low} to {high})"


def number(value: float, digits: int, *, sign: str = "") -> str:
    """A number as it is shown; what rounds to zero has no minus."""
    return f"{round(value, digits) + 0.0:{sign}.{digits}f}"


def _verdict(evaluation: Evaluation) -> str:
    said = evaluation.summary().partition(": ")[2] if evaluation.overall is None else ""
    if said:
        return f"No video to measure: {said}."
    last = evaluation.horizons[-1]
    at = {way: one[-1] for way, one in evaluation.psnr.items()}
    verb = "beats copying the last frame" if evaluation.beats_copy_last else (
        "loses to copying the last frame"
    )  # fmt: skip
    return (
        f"At frame {last} the model {verb}: {at[MODEL]:.2f} against {at[COPY]:.2f} dB; the "
        f"tokenizer alone reaches {at['tokenizer']:.2f} dB."
    )


def _actions(evaluation: Evaluation, overall: Compared) -> str:
    last = evaluation.horizons[-1] - 1
    parts = []
    for way, name in ((SHUFFLED, "those of other windows"), (NULL, "none")):
        one = overall.delta_psnr[way]
        worth = number(one.mean[last], 2, sign="+")
        parts.append(f"{worth} dB against {name}{_sure(one, last)}")
    return f"True actions are worth {', and '.join(parts)}."


def _sure(one: Curve, at: int) -> str:
    if one.low[at] > 0:
        return ""
    return " (worse)" if one.high[at] < 0 else " (not told apart from 0)"


def _limits(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.split == "train":
        yield "Nothing was held out: these windows were trained on, and prove no skill."
    if evaluation.untrained:
        yield (
            f"Not trained on at all: {', '.join(evaluation.untrained)}. What is measured there is "
            "how the model meets a source that it has never seen."
        )
    if evaluation.num_clips < FEW_CLIPS:
        yield (
            f"Only {evaluation.num_clips} clips: the intervals say little (fewer than {FEW_CLIPS})."
        )
    if evaluation.num_lost:
        yield f"{evaluation.num_lost} windows could not be decoded and count nowhere."
    if not evaluation.repeats:
        yield "A second rollout gave other bits: the figures do not repeat on this machine."
    for what, why in evaluation.missing.items():
        yield f"Not measurable, {what}: {why}."


def _heads(evaluation: Evaluation) -> list[str]:
    return ["", *(f"frame {one}" for one in evaluation.horizons)]


def _rows(curves_: Mapping[str, Curve], at: list[int], *, digits: int) -> Iterator[list[str]]:
    for name, one in curves_.items():
        yield [NAMES.get(name, name), *(interval(one, each, digits=digits) for each in at)]


def _group(one: Compared, at: int) -> list[str]:
    ways = [f"{one.psnr[way].mean[at]:.2f}" for way in NAMES]
    deltas = [number(one.delta_psnr[way].mean[at], 2, sign="+") for way in (SHUFFLED, COPY)]
    return [str(one.num_windows), str(one.num_clips), *ways, *deltas]


def _by_source(found: Mapping[str, Compared], last: int) -> Markup:
    shown = {"model": "model", "copy_last": "copy last", "tokenizer": "tokenizer"}
    rows = {
        name: {label: one.psnr[way].mean[last - 1] for way, label in shown.items()}
        for name, one in found.items()
    }
    worse = [name for name, one in rows.items() if one["model"] <= one["copy last"]]
    says = f"The model loses to copying in {len(worse)} of {len(rows)} sources."
    return dots(f"PSNR at frame {last} by source", says, rows, axis="PSNR, dB")


def _ends(ways: Mapping[str, Curve]) -> str:
    parts = (f"{NAMES[way]} {one.mean[0]:.1f} to {one.mean[-1]:.1f}" for way, one in ways.items())
    return f"From the first to the last frame, in dB: {', '.join(parts)}."
