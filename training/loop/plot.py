"""The loss of a run as a picture (SVG), beside its checkpoints: one curve a phase, by logarithm."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

from training.loop.log import steps_of

LOG = logging.getLogger("clearway.training")
PLOT: Final = "loss.svg"
_WIDTH, _HEIGHT, _EDGE = 720, 300, 48
_POINTS: Final = 400  # of a curve; each is the mean of its steps
_COLOURS: Final = {"tokenizer": "#b35900", "dynamics": "#1f5fa8"}

Points = list[tuple[int, float]]


def write_plot(folder: Path) -> Path | None:
    """Draw the log of the run in `folder`; None while there is nothing to draw, or no room."""
    curves: dict[str, Points] = {}
    for line in steps_of(folder):
        if line["loss"] > 0:
            curves.setdefault(line["phase"], []).append((line["step"], line["loss"]))
    if not curves:
        return None
    path = folder / PLOT
    scratch = path.with_suffix(".tmp")
    try:
        scratch.write_text(_drawn(curves), encoding="utf-8")
        scratch.replace(path)
    except OSError as error:  # it serves the eye: no reason to end a run
        LOG.warning("%s is left out, for it could not be written: %s", path, error)
        return None
    return path


def _drawn(curves: dict[str, Points]) -> str:
    every = [loss for points in curves.values() for _, loss in points]
    low, high = math.log10(min(every)), math.log10(max(every))
    high = max(high, low + 0.1)
    last = max(step for points in curves.values() for step, _ in points)

    def place(step: float, loss: float) -> tuple[float, float]:
        across = _EDGE + (_WIDTH - 2 * _EDGE) * step / last
        down = _EDGE + (_HEIGHT - 2 * _EDGE) * (high - math.log10(loss)) / (high - low)
        return across, down

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        *_axes(10**low, 10**high, last),
    ]
    for number, (phase, points) in enumerate(curves.items()):
        colour = _COLOURS.get(phase, "#444444")
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*one) for one in _thinned(points)))
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        )
        parts.append(
            _text(_WIDTH - 150, 20 + 16 * number, f"{phase} {points[-1][1]:.4g}", colour=colour)
        )
    return "\n".join([*parts, "</svg>\n"])


def _axes(low: float, high: float, last: int) -> list[str]:
    bottom, right = _HEIGHT - _EDGE, _WIDTH - _EDGE
    return [
        f'<path d="M{_EDGE} {_EDGE}V{bottom}H{right}" fill="none" stroke="#444444"/>',
        _text(4, _EDGE + 4, f"{high:.3g}"),
        _text(4, bottom, f"{low:.3g}"),
        _text(_EDGE, bottom + 18, "0"),
        _text(right - 30, bottom + 18, f"{last}"),
        _text(_WIDTH // 2 - 20, bottom + 18, "step"),
        _text(4, 20, "loss (log)"),
    ]


def _text(x: float, y: float, words: str, *, colour: str = "#222222") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}">{escape(words)}</text>'


def _thinned(points: Sequence[tuple[int, float]]) -> Points:
    """Means over runs of equal length, so that a long run stays a small picture."""
    size = -(-len(points) // _POINTS)
    parts = [points[at : at + size] for at in range(0, len(points), size)]
    return [(part[-1][0], sum(loss for _, loss in part) / len(part)) for part in parts]
