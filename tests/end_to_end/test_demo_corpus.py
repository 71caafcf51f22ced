"""The demo corpus: papers and facts agree, and the same packages make the same bytes."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

CORPUS = Path(__file__).parents[2] / "docs" / "examples" / "demo"
VENDORED = ("freedoom2_demo1.lmp", "freedoom2_demo1.mp4", "LICENSE.freedoom")


@pytest.fixture(scope="module")
def facts():
    return json.loads((CORPUS / "sources.json").read_text(encoding="utf-8"))


def test_every_quoted_clause_stands_in_the_paper_it_names(facts):
    seen = 0
    for instrument in facts["instruments"]:
        if "text" not in instrument:
            continue
        raw = (CORPUS / instrument["text"]).read_bytes()
        assert hashlib.sha256(raw).hexdigest() == instrument["text_sha256"], instrument["id"]
        flat = " ".join(raw.decode().split())
        for kind in ("terms", "grants", "restrictions", "obligations", "on_end"):
            for term in instrument.get(kind, []):
                seen += 1
                assert " ".join(term["says"].split()) in flat, instrument["id"]
    assert seen > 10


def test_whoever_is_invented_says_so(facts):
    for party in facts["parties"]:
        assert party["real"] or "(fictional" in party["name"], party["id"]
    for paper in (CORPUS / "papers").glob("*.md"):
        assert "fictional" in paper.read_text(encoding="utf-8").lower(), paper.name


def test_recordings_of_unknown_rights_are_not_in_the_repository():
    assert {path.name for path in (CORPUS / "vendored/freedoom").iterdir()} == set(VENDORED)
    names = {path.name for path in CORPUS.rglob("*")}
    assert not names & {"bigbuckbunny.mp4", "carphone_pristine.mp4", "bikes.mp4"}


@pytest.mark.slow
def test_the_same_packages_make_the_same_bytes(tmp_path):
    pytest.importorskip("crafter", reason="needs crafter: pip install -e '.[demo]'")
    listings, said = [], ""
    for name in ("first", "second"):
        made = subprocess.run(
            [sys.executable, CORPUS / "make_demo.py", tmp_path / name, "--no-download"],
            capture_output=True,
            text=True,
            check=True,
        )
        said = made.stdout
        listings.append(json.loads((tmp_path / name / "files.json").read_text()))
    assert listings[0] == listings[1]
    assert said.count("left out:") == 3
    cases = json.loads((tmp_path / "first" / "cases.json").read_text())
    assert len(cases) == 33
    assert [one["expect"] for one in cases if one["id"].endswith(":commercial")].count(
        "permit"
    ) == 4
