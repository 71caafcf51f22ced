"""The case on the rights page comes out as the page says, and its checklist is the engine's."""

import json
import re
import tomllib
from pathlib import Path

from typer.testing import CliRunner

from catalog.engine import open_catalog, reading
from catalog.rights import layers_of
from catalog.sources import Source
from licensing.checklist import CHECKLISTS
from licensing.decide import decide
from licensing.facts import read_layers
from licensing.request import read_request
from licensing.rulebook import load_rulebook
from pipelines.attach.station import attach_doc
from pipelines.cli import app
from pipelines.register import register_source
from tests.builders import NOW
from tests.pipelines.places import a_home

PAGE = (Path(__file__).parents[2] / "docs/rights.md").read_text(encoding="utf-8")


def test_the_case_is_decided_as_the_page_says(tmp_path):
    block = PAGE[PAGE.index("<!-- case:") : PAGE.index("<!-- end of case -->")]
    case, answer = re.findall(r"```json\n(.*?)```", block, re.DOTALL)
    (tmp_path / "case.json").write_text(case)

    done = CliRunner().invoke(app, ["rights", "decide", str(tmp_path / "case.json")])

    assert done.exit_code == 0
    assert json.loads(done.output) == json.loads(answer)


def test_the_agreement_of_the_page_permits_what_it_grants(tmp_path):
    settings = a_home(tmp_path)
    (tmp_path / "film-2026.pdf").write_bytes(b"%PDF")
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    source = Source(source_id="films", uri=str(tmp_path), modality="video")
    register_source(settings, source, now=NOW)

    attach_doc(settings, "films", tomllib.loads(block), folder=tmp_path, now=NOW)

    with reading(open_catalog(settings.catalog_url)) as session:
        layers = read_layers(layers_of(session, "films", known=None))
    asked = {"action": "train_generative", "commercial": True, "territory": ["DE"]}
    request = read_request({**asked, "purpose": "games", "at": "2026-11-25"})
    assert decide(layers, request, load_rulebook()).verdict.word == "permit"


def test_the_checklists_are_those_of_the_engine():
    for modality, questions in CHECKLISTS.items():
        assert f"| {modality} | {', '.join(one.name for one in questions)} |" in PAGE
