"""Sources, parties and rights are registered once, whole, or not at all."""

import hashlib
import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from catalog import rights, sources
from catalog.engine import open_catalog, reading
from catalog.personal import spoken
from pipelines import register
from pipelines.attach.papers import paper_at
from pipelines.attach.station import attach_doc, attach_terms
from pipelines.attach.terms import Terms
from pipelines.errors import RegistrationError
from pipelines.settings import read_settings
from tests.builders import NOW
from tests.catalogs import new_catalog

DIGEST = hashlib.sha256(b"Attribution 4.0").hexdigest()
BASIS = {"type": "public_licence", "id": "CC-BY-4.0", "grade": "E2"}


@pytest.fixture
def home(tmp_path):
    settings = read_settings({}, tmp_path)
    new_catalog(settings.catalog_url)
    return settings


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "recordings"
    path.mkdir()
    return path


def described(folder, **facts):
    said = {"uri": str(folder), "modality": "video", "facts": {}, "streams": {}, "config": {}}
    return register.describe_source("films", **{**said, **facts})


def test_the_same_source_twice_changes_nothing_and_new_words_are_a_change(home, folder):
    first = register.register_source(home, described(folder), now=NOW)
    again = register.register_source(home, described(folder), now=NOW)
    other = register.register_source(home, described(folder, facts={"title": "Films"}), now=NOW)

    assert (first, again, other) == ("added", "unchanged", "changed")


def test_an_owner_nobody_registered_becomes_a_party(home, folder):
    register.register_source(home, described(folder, facts={"owner": "acme"}), now=NOW)

    with reading(open_catalog(home.catalog_url)) as session:
        assert sources.source(session, "films").owner == "acme"


@pytest.mark.parametrize(
    ("facts", "code", "match"),
    [
        ({"uri": "/nowhere/at/all"}, "SOURCE_PATH_MISSING", "is not a folder"),
        ({"modality": "smell"}, "SOURCE_INVALID", "modality is 'smell'"),
        ({"streams": {"video": "pictures"}}, "SOURCE_INVALID", "mapped to 'pictures'"),
    ],
)
def test_a_source_that_makes_no_sense_is_refused(folder, facts, code, match):
    with pytest.raises(RegistrationError, match=match) as refused:
        described(folder, **facts)

    assert refused.value.code == code
    assert refused.value.way_out


@pytest.mark.parametrize("name", ["", "Films", "a/b", "..", "training_sets", "x" * 64])
def test_a_name_that_is_no_prefix_is_refused(folder, name):
    with pytest.raises(RegistrationError, match="is not usable"):
        register.describe_source(
            name, uri=str(folder), modality="video", facts={}, streams={}, config={}
        )


def test_a_corpus_is_registered_in_one_transaction(home, folder):
    corpus: dict[str, Any] = {
        "parties": [{"id": "acme", "name": "Acme (fictional)", "real": False}],
        "sources": [
            {"id": "films", "path": "recordings", "modality": "video", "owner": "acme",
             "layers": [{"layer": "copyright", "basis": [BASIS]}]},
            {"id": "wrong", "path": "recordings", "modality": "smell"},
        ],
    }  # fmt: skip
    file = folder.parent / "corpus.json"
    file.write_text(json.dumps(corpus))

    with pytest.raises(RegistrationError, match="smell"):
        register.register_corpus(home, file, now=NOW)
    with reading(open_catalog(home.catalog_url)) as session:
        assert sources.sources(session) == ()

    corpus["sources"].pop()
    file.write_text(json.dumps(corpus))
    first = register.register_corpus(home, file, now=NOW)
    again = register.register_corpus(home, file, now=NOW)

    assert first.changes == {
        "parties": {"added": 1}, "sources": {"added": 1}, "facts": {"added": 1}
    }  # fmt: skip
    assert again.num_changed == 0


def test_an_unknown_key_in_a_corpus_is_refused(home, folder):
    file = folder.parent / "corpus.toml"
    file.write_text('[[sources]]\nid = "films"\npath = "recordings"\nlicense = "MIT"\n')

    with pytest.raises(RegistrationError, match="unknown key 'license'"):
        register.register_corpus(home, file, now=NOW)


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"licence": "The Totally Free License 9"}, "LICENCE_UNKNOWN"),
        ({"contract": "A-1", "valid_from": "2026-06-01", "valid_to": "2026-05-31"}, "VALID_RANGE"),
        ({"contract": "A-1", "valid_from": "June"}, "VALID_RANGE"),
        ({}, "TERMS_MISSING"),
        ({"licence": "MIT", "contract": "A-1"}, "TERMS_MISSING"),
    ],
)
def test_terms_that_cannot_be_read_are_refused_whole(home, folder, terms, code):
    register.register_source(home, described(folder), now=NOW)

    with pytest.raises(RegistrationError, match=r"\w") as refused:
        attach_terms(home, "films", Terms(**terms), evidence=None, now=NOW)

    assert refused.value.code == code or refused.value.code.startswith("BAD_CASE")
    with reading(open_catalog(home.catalog_url)) as session:
        assert rights.facts_of(session, "films") == ()


def test_a_licence_attaches_with_its_evidence_kept(home, folder):
    register.register_source(home, described(folder), now=NOW)
    paper = folder / "LICENSE"
    paper.write_text("Attribution 4.0")

    terms = Terms(licence="cc by 4.0", grade="E2", stream="video")
    attach_terms(home, "films", terms, evidence=paper_at(paper), now=NOW)

    with reading(open_catalog(home.catalog_url)) as session:
        layers = rights.layers_of(session, "films", known=None)
        kept = [one.doc for one in rights.facts_of(session, "films") if one.kind == "evidence"]
        told = {text: commitment for commitment, text in spoken(session, "films").items()}
    proof = {"digest": DIGEST, "found": told["LICENSE"]}  # an erasure takes the name
    assert [(one["layer"], one["stream"], one["basis"]) for one in layers] == [
        ("copyright", "video", [BASIS | {"evidence": [proof]}])
    ]
    assert kept[0]["evidence_sha256"] == DIGEST
    assert (home.home / "evidence" / kept[0]["evidence_sha256"]).read_text() == "Attribution 4.0"


def test_a_release_is_added_to_the_layer_that_lacks_it(home, folder):
    register.register_source(home, described(folder), now=NOW)
    doc = {"layer": [{"layer": "likeness", "stream": "video", "basis": [{"type": "none"}]}]}
    attach_doc(home, "films", doc, folder=folder, now=NOW)

    terms = Terms(consent="train_generative", layer="likeness", stream="video")
    attach_terms(home, "films", terms, evidence=None, now=NOW)

    with reading(open_catalog(home.catalog_url)) as session:
        layers = rights.layers_of(session, "films", known=None)
    assert [one["type"] for one in layers[0]["basis"]] == ["none", "consent"]


def test_a_table_nobody_knows_is_refused(home, folder):
    register.register_source(home, described(folder), now=NOW)

    with pytest.raises(RegistrationError, match="unknown table 'licences'"):
        attach_doc(home, "films", {"licences": []}, folder=folder, now=NOW)


def test_missing_evidence_is_refused(home, folder):
    register.register_source(home, described(folder), now=NOW)

    with pytest.raises(RegistrationError, match="cannot be read") as refused:
        attach_terms(
            home, "films", Terms(licence="MIT"), evidence=paper_at(folder / "none"), now=NOW
        )

    assert refused.value.code == "EVIDENCE_MISSING"


def test_a_request_with_an_unknown_key_is_refused_by_name(tmp_path):
    file = tmp_path / "request.toml"
    file.write_text('action = "train_generative"\ncommercial = true\nreleese = "api"\n')

    with pytest.raises(RegistrationError, match="releese"):
        register.read_request_file(file)


def test_the_demo_s_papers_say_what_its_facts_quote():
    made = runpy.run_path(str(Path(__file__).parents[2] / "docs/examples/demo/make_demo.py"))

    assert len(made["cases"](made["check_papers"]())) == 33
