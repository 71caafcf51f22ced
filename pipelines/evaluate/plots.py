"""Curves and rows of dots as SVG inside a page: colours follow the page, dashes tell them apart.

Every picture has a title and says in words what it shows; the same numbers stand in a table.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipelines.evaluate.markup import Markup, element, empty, text

WIDTH, HEIGHT = 720, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 190, 14, 44
_ROW: Final = 30
_DASHES: Final = ("", "7 4", "2 3", "9 3 2 3", "4 2 1 2")
_MARKS: Final = {0: "circle", 3: "square", 4: "diamond"}  # by colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One curve: its name, its values from x = `first` on, and a band around it."""

    name: str
    values: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """From values to places in the picture."""

    xs: tuple[float, float]
    ys: tuple[float, float]
    height: float = HEIGHT

    def x(self, value: float) -> float:
        low, high = self.xs
        return _LEFT + (value - low) / ((high - low) or 1) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        low, high = self.ys
        return self.height - _BOTTOM - (value - low) / (high - low) * (self.height - _TOP - _BOTTOM)


def curves(
    title: str,
    says: str,
    lines: Sequence[Line],
    *,
    axes: tuple[str, str],
    looks: Sequence[int] = range(5),
) -> Markup:
    """Curves over frames 1, 2, 3 …, each named at its end; `looks` are their colours and dashes."""
    most = max(len(one.values) for one in lines)
    ys = _around([value for one in lines for value in (*one.values, *one.low, *one.high)])
    scale = _Scale(xs=(1, max(2, most)), ys=ys)
    inside = [*_grid(scale, axes)]
    for look, one in zip(looks, lines, strict=False):
        inside += [*_curve(one, scale, look)]
    inside += [*_names(lines, scale, looks)]
    return _picture(title, says, inside, height=HEIGHT)


def dots(
    title: str,
    says: str,
    rows: Mapping[str, Mapping[str, float]],
    *,
    axis: str,
    looks: Sequence[int] = tuple(_MARKS),
) -> Markup:
    """One line a row with a mark for each named value; marks differ by form as well as colour."""
    names = dict.fromkeys(name for values in rows.values() for name in values)
    look_of = dict(zip(names, looks, strict=False))
    xs = _around([value for values in rows.values() for value in values.values()])
    height = _TOP + _BOTTOM + _ROW * (len(rows) + 1)
    scale = _Scale(xs=xs, ys=(0, 1), height=height)
    inside = [*_upright(scale, axis)]
    for number, (name, look) in enumerate(look_of.items()):
        x = _LEFT + number * 150
        inside += [_mark(look, x, _TOP + 8), _words(name, x + 12, _TOP + 12)]
    for at, (row, values) in enumerate(rows.items()):
        y = _TOP + _ROW * (at + 1.5)
        ends = [scale.x(value) for value in values.values()]
        inside.append(empty("line", x1=_g(min(ends)), x2=_g(max(ends)), y1=_g(y), y2=_g(y),
                            class_="grid"))  # fmt: skip
        inside += [_mark(look_of[name], scale.x(value), y) for name, value in values.items()]
        inside.append(_words(_short(row), WIDTH - _RIGHT + 12, y + 4))
    return _picture(title, says, inside, height=height)


def _picture(title: str, says: str, inside: Sequence[Markup], *, height: float) -> Markup:
    return element(
        "svg",
        element("title", text(title)),
        element("desc", text(says)),
        *inside,
        viewBox=f"0 0 {WIDTH} {_g(height)}",
        role="img",
        aria_label=f"{title}. {says}",
    )


def _grid(scale: _Scale, axes: tuple[str, str]) -> Iterator[Markup]:
    across, up = axes
    for value in _ticks(*scale.ys):
        y = scale.y(value)
        yield empty("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=_g(y), y2=_g(y), class_="grid")
        yield _words(f"{value:g}", _LEFT - 8, y + 4, text_anchor="end")
    for value in _ticks(*scale.xs):
        if value == int(value) and scale.xs[0] <= value <= scale.xs[1]:
            yield _words(f"{value:g}", scale.x(value), HEIGHT - _BOTTOM + 18, text_anchor="middle")
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    yield _words(across, middle, HEIGHT - 6, text_anchor="middle")
    x, y = 13, (HEIGHT - _BOTTOM) / 2
    yield _words(up, x, y, text_anchor="middle", transform=f"rotate(-90 {x} {_g(y)})")


def _upright(scale: _Scale, axis: str) -> Iterator[Markup]:
    bottom = scale.height - _BOTTOM
    for value in _ticks(*scale.xs):
        x = scale.x(value)
        yield empty("line", x1=_g(x), x2=_g(x), y1=_TOP + _ROW, y2=_g(bottom), class_="grid")
        yield _words(f"{value:g}", x, bottom + 18, text_anchor="middle")
    yield _words(axis, (_LEFT + WIDTH - _RIGHT) / 2, scale.height - 6, text_anchor="middle")


def _curve(one: Line, scale: _Scale, number: int) -> Iterator[Markup]:
    if one.low:
        there = [_point(scale, at, value) for at, value in enumerate(one.high)]
        back = [_point(scale, at, value) for at, value in enumerate(one.low)][::-1]
        yield empty("polygon", points=" ".join(there + back), class_=f"band s{number}")
    points = " ".join(_point(scale, at, value) for at, value in enumerate(one.values))
    yield empty("polyline", points=points, **_look(number))


def _names(lines: Sequence[Line], scale: _Scale, looks: Sequence[int]) -> Iterator[Markup]:
    """The names at the ends of the curves, moved apart where two would overlap."""
    ends = sorted((scale.y(one.values[-1]), number) for number, one in enumerate(lines))
    last = -math.inf
    for y, number in ends:
        last = max(y + 4, last + 15)
        one, look = lines[number], looks[number]
        x = WIDTH - _RIGHT + 8
        yield empty("line", x1=x, x2=x + 24, y1=_g(last - 4), y2=_g(last - 4), **_look(look))
        yield _words(f"{one.name} {one.values[-1]:.1f}", x + 30, last)


def _look(number: int) -> dict[str, str]:
    dash = _DASHES[number % len(_DASHES)]
    return {"class_": f"line s{number}"} | ({"stroke_dasharray": dash} if dash else {})


def _mark(look: int, x: float, y: float) -> Markup:
    form, kind = _MARKS[look], f"mark s{look}"
    if form == "circle":
        return empty("circle", cx=_g(x), cy=_g(y), r=5, class_=kind)
    turned = {"transform": f"rotate(45 {_g(x)} {_g(y)})"} if form == "diamond" else {}
    return empty("rect", x=_g(x - 4.5), y=_g(y - 4.5), width=9, height=9, class_=kind, **turned)


def _words(words: str, x: float, y: float, **attributes: str) -> Markup:
    return element("text", text(words), x=_g(x), y=_g(y), **attributes)


def _point(scale: _Scale, at: int, value: float) -> str:
    return f"{_g(scale.x(at + 1))},{_g(scale.y(value))}"


def _around(values: Sequence[float]) -> tuple[float, float]:
    """A range that holds all values, with room, and is never empty."""
    low, high = min(values), max(values)
    room = (high - low) * 0.06 or 1.0
    return low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers inside a range."""
    rough = (high - low) / 5
    power = 10 ** math.floor(math.log10(rough))
    step = next(one * power for one in (1, 2, 2.5, 5, 10) if one * power >= rough)
    first = math.ceil(low / step)
    return [round(step * at, 10) for at in range(first, math.floor(high / step) + 1)]


def _short(name: str, most: int = 24) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _g(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
