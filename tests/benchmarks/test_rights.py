"""How fast the engine decides, on the mix `tests/golden/decisions.csv`; run with `-m benchmark`.

Seconds are printed, not asserted. The ratio of the two ways is: one decision for each distinct
rights key against one for each part.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from licensing.decide import decide
from licensing.facts import doc_digest, layer_doc, read_layers
from licensing.request import read_request
from licensing.rulebook import load_rulebook
from tests.licensing.notation import layers_of, request_of
from tests.licensing.test_decide import golden_rows

PARTS_PER_KEY = 20


@pytest.mark.benchmark
def test_decisions_with_proofs():
    book = load_rulebook()
    mix = [
        (read_layers(layers_of(row["layers"])), read_request(request_of(row["request"])))
        for row in golden_rows()
    ]
    keyed = [(doc_digest([layer_doc(one) for one in layers]), layers, ask) for layers, ask in mix]

    def each_part() -> None:
        for _ in range(PARTS_PER_KEY):
            for layers, request in mix:
                decide(layers, request, book)

    def each_key() -> None:
        known: dict[tuple[str, object], object] = {}
        for _ in range(PARTS_PER_KEY):
            for key, layers, request in keyed:
                if (key, request) not in known:
                    known[key, request] = decide(layers, request, book)

    slow, fast = (
        min(times) for times in zip(*(_timed(each_part, each_key) for _ in range(3)), strict=True)
    )
    print(f"\n{PARTS_PER_KEY * len(mix) / slow:,.0f} decisions/s with proofs, one core")  # noqa: T201
    print(f"{PARTS_PER_KEY * len(mix) / fast:,.0f} parts/s, decided once a rights key")  # noqa: T201
    assert slow / fast > PARTS_PER_KEY / 4


def _timed(*ways: Callable[[], None]) -> list[float]:
    found = []
    for way in ways:
        start = time.perf_counter()
        way()
        found.append(time.perf_counter() - start)
    return found
