"""C2PA: signed by ourselves, read in a child process; children that die; no extra installed."""

from __future__ import annotations

import sys

import pytest

from licensing.signals import c2pa_signals
from pipelines.scan import credentials
from pipelines.scan.credentials import Asset, read_stores
from tests.pipelines.places import film
from tests.pipelines.scan.made import signed

NO_TRAINING = {"cawg.ai_generative_training": {"use": "notAllowed"}}

pytest.importorskip("c2pa", reason="the extra c2pa is not installed: pip install 'clearway[c2pa]'")


@pytest.fixture
def signed_film(tmp_path):
    raw = film(tmp_path / "plain.mp4").read_bytes()
    path = tmp_path / "signed.mp4"
    path.write_bytes(signed(raw, "video/mp4", NO_TRAINING))
    return path


def test_a_store_is_read_as_the_library_prints_it(signed_film):
    (store,) = read_stores([Asset(uri=str(signed_film))])
    assert store is not None
    assert store["validation_state"] == "Valid"  # whole, by a signer whom nobody vouches for
    assert c2pa_signals(store) == (
        {"cawg": {"ai_generative_training": "notAllowed"}, "valid": True},
    )


def test_a_changed_byte_is_not_whole(signed_film):
    raw = bytearray(signed_film.read_bytes())
    raw[raw.rfind(b"mdat") + 40] ^= 1
    signed_film.write_bytes(raw)
    (store,) = read_stores([Asset(uri=str(signed_film))])
    assert [one["valid"] for one in c2pa_signals(store or {})] == [False]


def test_a_manifest_beside_its_film(signed_film, tmp_path):
    raw = signed_film.read_bytes()
    at = raw.find(b"manifest\0") + 9 + 8
    size = int.from_bytes(raw[at : at + 4], "big")
    (tmp_path / "plain.c2pa").write_bytes(raw[at : at + size])
    asset = Asset(uri=str(tmp_path / "plain.mp4"), sidecar=str(tmp_path / "plain.c2pa"))
    (store,) = read_stores([asset])
    assert [one["cawg"] for one in c2pa_signals(store or {})] == [
        {"ai_generative_training": "notAllowed"}
    ]


def test_what_cannot_be_read_is_none_and_the_rest_is_read(signed_film, tmp_path):
    (tmp_path / "noise.mp4").write_bytes(b"noise" * 100)
    assets = [tmp_path / "noise.mp4", signed_film, tmp_path / "gone.mp4", signed_film]
    stores = list(read_stores([Asset(uri=str(one)) for one in assets]))
    assert [one is not None for one in stores] == [False, True, False, True]


def test_a_child_that_dies_costs_its_own_file_only(tmp_path, monkeypatch):
    child = tmp_path / "child"
    child.write_text(
        "#!/bin/sh\n"
        "while read -r line; do\n"
        '  case "$line" in\n'
        "    *deadly*) kill -9 $$ ;;\n"
        "    *endless*) while :; do :; done ;;\n"
        """    *) echo '{"read": 1}' ;;\n"""
        "  esac\n"
        "done\n"
    )
    child.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(child))
    monkeypatch.setattr(credentials, "_SECONDS", 0.5)
    asked = [Asset(uri=name) for name in ("a", "deadly", "b", "endless", "c")]
    stores = list(read_stores(asked))
    assert [one is not None for one in stores] == [True, False, True, False, True]


def test_a_store_longer_than_is_kept_is_unread(signed_film, monkeypatch):
    monkeypatch.setattr(credentials, "_LONGEST_STORE", 10)
    assert credentials._answer(Asset(uri=str(signed_film))) == "null"
