"""SPDX expressions, and licence names as people write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from licensing.decide import decide_case
from licensing.expression import leaves, normalise, parse, spdx_name
from licensing.rulebook import load_rulebook

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"


def lines_of(name: str) -> list[dict[str, Any]]:
    path = CASES / name
    if not path.is_file():
        pytest.skip(f"{name} is not beside this checkout: the shared cases were NOT run")
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("MIT", "MIT"),
        ("MIT OR CC0-1.0", ("OR", ("MIT", "CC0-1.0"))),
        ("(MIT AND ISC) OR X", ("OR", (("AND", ("MIT", "ISC")), "X"))),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only"),
        ("MIT and ISC", None),
        ("((", None),
        ("", None),
        ("MIT OR", None),
        ("A" * 2_000, None),
    ],
)
def test_parse(text: str, tree: object):
    assert parse(text) == tree


def test_leaves():
    assert leaves(("OR", ("MIT", ("AND", ("ISC", "X"))))) == ("MIT", "ISC", "X")


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("mit", "MIT"),
        ("  The MIT License.  ", "MIT"),
        ("GPL-3.0", "GPL-3.0-only"),
        ("GNU General Public License v2.0 or later", "GPL-2.0-or-later"),
        ("gplv3+", "GPL-3.0-or-later"),
        ("GNU Lesser General Public License v2.1", "LGPL-2.1-only"),
        ("AGPL v3", "AGPL-3.0-only"),
        ("GPL v9", None),
        ("GPL", None),
        ("LGPL", None),
        ("MPL 2.0", "MPL-2.0"),
        ("Eclipse Public License 1.0", "EPL-1.0"),
        ("Mozilla Public License 7.7", None),
        ("Creative Commons Attribution Share Alike 4.0", "CC-BY-SA-4.0"),
        ("CC BY-NC/ND 2.5", "CC-BY-NC-ND-2.5"),
        ("cc-by-sa-nc 4", "CC-BY-NC-SA-4.0"),
        ("cc by nd sa 4.0", None),
        ("CC BY 9.0", None),
        ("by-nc-sa 3.0", "CC-BY-NC-SA-3.0"),
        ("by", None),
        ("cc-by-nc", "LicenseRef-CC-BY-NC"),
        ("https://creativecommons.org/licenses/by-sa/4.0/legalcode", "CC-BY-SA-4.0"),
        ("http://creativecommons.org/licenses/by/4.0/deed.de", "CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by/3.0/at/", "CC-BY-3.0-AT"),
        ("https://creativecommons.org/licenses/by-nc/2.5/si/", "LicenseRef-CC-BY-NC-2.5-SI"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("http://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"),
        ("https://opensource.org/licenses/MIT", "MIT"),
        ("https://github.com/someone/MIT/blob/main/LICENSE", None),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("(mit AND LicenseRef-house)", "(MIT AND LicenseRef-house)"),
        ("MIT\n OR\tISC", "MIT OR ISC"),
        ("MIT OR Nonsense", None),
        ("Released under the Apache License, Version 2.0", "Apache-2.0"),
        ("This data is licensed under a CC BY 4.0 license", "CC-BY-4.0"),
        ("Dual: Apache License 2.0, CC BY 4.0", None),
        ("Not under the MIT License", None),
        ("modified MIT License", None),
        ("Code under GPL v3, see file", "GPL-3.0-only"),
        ("MIT License, for research purposes only", "LicenseRef-research-only"),
        ("for non-commercial use", "LicenseRef-noncommercial"),
        ("may be used for any purpose with attribution", "LicenseRef-all-uses-attribution"),
        ("Public Domain", "LicenseRef-public-domain"),
        ("Public Domain Mark", "CC-PDM-1.0"),
        ("By downloading you agree to use for research only", None),
        ("cc by by", None),
        ("", None),
        ("###", None),
        ("x" * 1_000, None),
        ("No License", None),
        ("BSD", None),
        ("Apache", None),
        ("recorded by a robot 4.0", None),
    ],
)
def test_normalise(text: str, licence: str | None):
    assert normalise(text).licence == licence
    assert normalise(text).why


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("mit", "MIT"),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("LicenseRef-Our Terms, 2026", "LicenseRef-Our-Terms-2026"),
        ("MIT OR Our Terms", "LicenseRef-MIT-OR-Our-Terms"),
        ("...", "LicenseRef-..."),
        ("?", "LicenseRef-unnamed"),
    ],
)
def test_documents_name_a_licence_by_its_id_or_as_a_reference(text, name):
    assert spdx_name(text) == name


def test_shared_strings_are_exact():
    wrong = []
    for row in lines_of("licence_strings_dev.jsonl"):
        given = normalise(row["raw"]).licence
        right = {one and one.casefold() for one in (row["licence"], *row["also"])}
        if (given and given.casefold()) not in right:
            wrong.append((row["raw"], given))
    assert wrong == []


def test_shared_signatures_have_no_false_permit_and_no_wrong_denial():
    book, wrong = load_rulebook(), []
    asked = {
        "train_commercial": (True, None),
        "train_noncommercial_org": (False, False),
        "train_academic_research": (False, True),
    }
    for row in lines_of("dpi_dev.jsonl"):
        layers = [{"layer": "copyright", "basis": [basis_of(*one)]} for one in row["signature"]]
        for label, (commercial, research) in asked.items():
            request = {
                "action": "train_generative",
                "release": "api",
                "commercial": commercial,
                "research_org": research,
            }
            answer = decide_case({"id": "x", "layers": layers, "request": request}, book)
            due, got = row["expected_verdict"][label], answer["verdict"]
            by_research = "RESEARCH_ONLY" in answer["reasons"]
            if row["disputed"] or got == due or (got == "deny" and by_research):
                continue
            if got != "undetermined":
                wrong.append((row["signature"], label, got, due))
    assert wrong == []


def basis_of(name: str, url: str) -> dict[str, Any]:
    if name == "Custom":
        return {"type": "custom", "grade": "E2"} | ({"url": url} if url else {})
    licence = normalise(name).licence
    if licence is None:
        return {"type": "unknown"}
    return {"type": "public_licence", "id": licence, "grade": "E2"}


@pytest.mark.parametrize(
    "text",
    ["CC-BY-4.0 WITH foo", "cc-by-4.0 or ask us", "MIT unless sold", "CC BY 4.0 except media"],
)
def test_a_text_that_adds_to_a_licence_names_none(text):
    assert normalise(text).licence is None
