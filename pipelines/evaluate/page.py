"""The page of an evaluation: one file that needs no network, no script and no other file.

In: the evaluation, its moving pictures, its provenance. Out: the page's text, the same for the same
input. It follows the reader's light or dark scheme.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipelines.evaluate import sections
from pipelines.evaluate.conduct import conduct
from pipelines.evaluate.markup import Markup, element, empty, facts, joined, paragraph, text
from training.evaluating import Evaluation

STYLE: Final = """
:root { color-scheme: light dark; --back: #fff; --fore: #1b1b1f; --soft: #5b5f6a; --line: #d5d8de;
  --note: #fff6dd; --s0: #0b5cad; --s1: #b3471b; --s2: #7a3fa0; --s3: #4a4e57; --s4: #1f7a3d }
@media (prefers-color-scheme: dark) { :root { --back: #16181d; --fore: #e8e9ed; --soft: #a5a9b4;
  --line: #3a3e48; --note: #3a3214; --s0: #6cb2ff; --s1: #ff9a6b; --s2: #cf9bf0; --s3: #b9bdc7;
  --s4: #6fd08c } }
body { margin: 0 auto; padding: 1.5rem; max-width: 60rem; background: var(--back);
  color: var(--fore); font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans',
  sans-serif }
h1 { font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere }
h2 { font-size: 1.2rem; margin-top: 2.2rem }
.soft, figcaption, caption { color: var(--soft); font-size: .9rem }
.verdict { font-size: 1.1rem; font-weight: 600 }
.note { background: var(--note); border-left: 4px solid var(--s1); padding: .5rem .8rem }
.wide { overflow-x: auto; margin: 1rem 0 }
.wide:focus-visible, figure:focus-visible { outline: 2px solid var(--s0) }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
caption { text-align: left; padding-bottom: .3rem }
th, td { padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line);
  text-align: right; vertical-align: top }
tbody th { min-width: 8rem }
th:first-child { text-align: left; font-weight: 500 }
td { white-space: nowrap }
thead th { color: var(--soft); font-weight: 500 }
.facts td { text-align: left; white-space: normal; overflow-wrap: anywhere }
figure { margin: 1rem 0; overflow-x: auto }
svg { width: 100%; min-width: 34rem; height: auto }
svg text { font-size: 12px; fill: var(--fore) }
.grid { stroke: var(--line) }
.line { fill: none; stroke-width: 2.2 }
.band { opacity: .14 }
.s0 { stroke: var(--s0); --own: var(--s0) } .s1 { stroke: var(--s1); --own: var(--s1) }
.s2 { stroke: var(--s2); --own: var(--s2) } .s3 { stroke: var(--s3); --own: var(--s3) }
.s4 { stroke: var(--s4); --own: var(--s4) }
.band, .mark { fill: var(--own); stroke: none }
.films { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)) }
.films img { width: 100%; image-rendering: pixelated; border: 1px solid var(--line) }
"""
_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A moving picture and its last frame, for readers who want no motion."""

    gif: bytes
    png: bytes
    says: str
    caption: str


def page(
    title: str, evaluation: Evaluation, films: Sequence[Film], *, provenance: Mapping[str, str]
) -> str:
    """Write the page."""
    body = element(
        "main",
        element("h1", text(title)),
        *sections.opening(evaluation),
        *sections.horizons(evaluation),
        *sections.groups(evaluation),
        *sections.states(evaluation),
        *conduct(evaluation),
        *_films(films),
        element("h2", text("Provenance")),
        facts("What was measured, on what, and how", provenance),
    )
    head = joined(
        [
            empty("meta", charset="utf-8"),
            empty("meta", name="viewport", content="width=device-width, initial-scale=1"),
            empty("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            element("title", text(title)),
            element("style", Markup(STYLE)),
        ]
    )
    whole = element("html", element("head", head), element("body", body), lang="en")
    return f"<!DOCTYPE html>\n{whole}\n"


def _films(films: Sequence[Film]) -> Iterator[Markup]:
    if not films:
        return
    yield element("h2", text("True against predicted"))
    yield paragraph(
        "Left the recording, right what the model continues from its context with the true "
        "actions. The bar below grows with time and turns from grey to colour where predictions "
        "begin. Each runs three times; where the system asks for less motion the last frame stands."
    )
    yield element("div", *(_film(one) for one in films), class_="films")


def _film(one: Film) -> Markup:
    still = empty("source", media="(prefers-reduced-motion: reduce)", srcset=_data("png", one.png))
    moving = empty("img", src=_data("gif", one.gif), alt=one.says)
    return element(
        "figure", element("picture", still, moving), element("figcaption", text(one.caption))
    )


def _data(kind: str, raw: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(raw).decode()}"
