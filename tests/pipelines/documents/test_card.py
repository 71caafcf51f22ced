"""The dataset card: figures of the facts, no licence for a mixed set, nothing breaks its tables."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ruamel.yaml import YAML

from pipelines.documents import card
from pipelines.documents.facts import DocumentFacts, LayerFact
from tests.pipelines.documents.sets import ARM, FILM, a_set


def text_of(facts: DocumentFacts) -> str:
    return card.build(facts)["README.md"].decode()


def head_of(facts: DocumentFacts) -> dict[str, object]:
    _, head, _ = text_of(facts).split("---\n", 2)
    return dict(YAML(typ="safe").load(head))


def test_it_says_what_the_facts_say():
    facts = a_set(answers={"rai.dataBiases": "Mostly daylight."})
    text = text_of(facts)
    for said in (
        "10 clips in 14 rows, 840 frames, 150900 bytes",
        "0.0 h action",
        "| arm | An arm sorts blocks | robot |",
        "| film | copyright | video | CC-BY-4.0 | E2 | permit | - |",
        "| arm | copyright | all | LicenseRef-Pier-2026 | E1 | permit | 2035-01-01 |",
        r"| film | tdmrep\_file | .well-known/tdmrep.json | 0 | 2026-03-01 |",
        "| 3 | not cleared |",
        r"| walk | undetermined | LICENCE\_UNKNOWN | 0.5 |",
        "from 2026-02-10 to 2026-04-05",
        r"Layers about persons: personal_data.",
        "Biases: Mostly daylight.",
        f"Content sha256 `{facts.content_digest}`",
        "This version replaces the manifest",
        "Fictional, made for demonstration: arm.",
    ):
        assert said in text, said


def test_a_mixed_set_has_no_single_licence():
    assert head_of(a_set())["license"] == "other"
    assert head_of(a_set())["license_link"] == "NOTICE"
    assert head_of(a_set(sources=(FILM,)))["license"] == "cc-by-4.0"
    assert head_of(a_set(sources=(ARM,)))["license"] == "other"


CONSENT = LayerFact(layer="voice", stream="audio", bases=("consent",), verdict="permit")


@pytest.mark.parametrize(
    "changes",
    [
        {"licences": (), "layers": (CONSENT,)},
        {"layers": (*FILM.layers, CONSENT)},
    ],
    ids=["consent alone", "consent beside"],
)
def test_what_rests_on_consent_is_under_no_licence(changes):
    other = replace(FILM, source_id="voice", **changes)
    assert head_of(a_set(sources=(FILM, other)))["license"] == "other"
    assert head_of(a_set(sources=(other,)))["license"] == "other"


@pytest.mark.parametrize(
    "name",
    ["MIT OR Apache-2.0", "MIT AND CC-BY-4.0", "GPL-2.0-only WITH Classpath-exception-2.0"],
)
def test_an_expression_is_no_id_of_a_hub(name):
    licence = replace(FILM.licences[0], concluded=name)
    layer = replace(FILM.layers[0], bases=(name,))
    facts = a_set(sources=(replace(FILM, licences=(licence,), layers=(layer,)),))
    assert head_of(facts)["license"] == "other"


@pytest.mark.parametrize(
    ("rows", "name"),
    [(0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (9_999_999, "1M<n<10M"),
     (10**9, "1B<n<10B"), (10**10, "10B<n<100B"), (10**12 - 1, "100B<n<1T"),
     (10**12, "n>1T"), (10**13, "n>1T")],
)  # fmt: skip
def test_sizes_fall_into_the_bins_of_hubs(rows, name):
    assert card.size_category(rows) == name


def test_no_value_breaks_a_table_or_the_head():
    odd = "a | b\n# not a head\r\n<b>`x`</b> | \u202eevil: [x]"
    facts = a_set(sources=(replace(FILM, title=odd, creator=odd, obtained=odd), ARM))
    lines = text_of(facts).splitlines()
    assert not any(line.startswith("# not") for line in lines)
    rows = [line for line in lines if line.startswith("| film")]
    heads = [lines[i - 1] for i, line in enumerate(lines) if line.startswith("| ---")]
    widths = {head.count("|") for head in heads}
    assert {row.replace(r"\|", "").count("|") for row in rows} <= widths
    assert head_of(facts)["pretty_name"] == "demo@2"


def test_the_same_facts_are_the_same_bytes():
    assert card.build(a_set()) == card.build(a_set())
    assert card.build(a_set()) != card.build(a_set(version=3))
