"""After an erasure no planted marker is in any file of the home, on each database."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import lance
import pytest
from sqlalchemy.engine import make_url

from catalog.erasures import erasures
from catalog.files import files_of
from catalog.quarantine import quarantined
from catalog.rights import facts_of
from licensing.errors import PaperError
from pipelines.attach.station import attach_doc
from pipelines.cli.home import make_home
from pipelines.erase import erase, replay
from pipelines.erase.certificate import SCHEMA, signed
from pipelines.heads import verify
from pipelines.ingest.station import ingest
from pipelines.keys import signing_secret
from pipelines.lake.datasets import dataset_uri
from pipelines.revoke import revoke
from pipelines.settings import Settings
from tests.pipelines.places import NOW, a_source, film
from tests.pipelines.small_world import looking

LATER = NOW + timedelta(hours=1)
MEDIA, LOGGED, NAMED, LOST, HELD, FOLDER, PAPER = (
    f"{word}-{hashlib.sha256(word.encode()).hexdigest()[:16]}"
    for word in (
        "mediamark",
        "logmark",
        "namemark",
        "lostmark",
        "heldmark",
        "foldermark",
        "papermark",
    )
)
MARKERS = (MEDIA, LOGGED, NAMED, LOST, HELD, FOLDER, PAPER)


@pytest.fixture(params=["sqlite", "postgres"])
def home(request, tmp_path):
    url = (
        f"sqlite:///{tmp_path}/home/catalog.sqlite"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres")
    )
    folder = tmp_path / "home"
    settings = Settings(home=folder, catalog_url=url, lake=str(folder / "lake"))
    make_home(settings)
    recordings = tmp_path / "recordings"
    plant(recordings)
    a_source(settings, recordings)
    ingest("demo", settings, at_once=0, run_id="test", now=NOW)
    say(settings, tmp_path / "papers")
    uri = dataset_uri(settings.lake, "demo", "streams")
    lance.dataset(uri).create_scalar_index("stream", "BTREE")
    lance.dataset(uri).tags.create("kept", lance.dataset(uri).version)
    return settings


def plant(folder):
    """Recordings with a marker in the bytes of a film, in a log, in names and in what is held."""
    rows = [{"t_ns": 1_000_000 * (n + 1), "key": LOGGED, "x": n / 7} for n in range(40)]
    folder.mkdir()
    (folder / f"{NAMED}.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in rows))
    film(folder / "film.mp4")
    with (folder / "film.mp4").open("ab") as file:
        file.write((8 + len(MEDIA)).to_bytes(4, "big") + b"free" + MEDIA.encode())
    (folder / FOLDER).mkdir()  # a statement about what lies there: a signal, with its place
    (folder / FOLDER / "LICENSE").write_text("All rights reserved. No text and data mining.\n")
    (folder / FOLDER / "log.jsonl").write_text(json.dumps(rows[0] | {"x": 1}) + "\n")
    (folder / f"{LOST}.mp4").write_bytes(b"\0\0\0\x18ftypisom" + HELD.encode() * 4)


def say(settings, folder):
    """Facts that name a file of the source and a paper; a revocation of the file by its name."""
    folder.mkdir()
    (folder / f"{PAPER}.txt").write_text("Agreement 7 (fictional)\n")
    ground = {
        "type": "contract", "id": "7", "actions": ["train_generative"], "grade": "E2",
        "evidence": [{"found": f"{PAPER}.txt", "grade": "E2"}],
    }  # fmt: skip
    doc = {
        "instrument": [{"id": "8", "evidence": {"file": f"{PAPER}.txt", "grade": "E2"}}],
        "evidence": [{"file": f"{PAPER}.txt", "grade": "E2"}],
        "layer": [{"layer": "copyright", "item": f"{NAMED}.jsonl", "basis": [ground]}],
    }
    attach_doc(settings, "demo", doc, folder=folder, now=NOW)
    name = f"demo/{NAMED}.jsonl"
    when = NOW + timedelta(minutes=1)
    revoke(name, settings, of="file", reason="ended", at=NOW.date(), now=when, run_id="test")


def holding(folder, markers=MARKERS):
    """The files below a folder that hold a marker, in their bytes or in their name."""
    found: dict[str, list[str]] = {}
    for path in Path(folder).rglob("*"):
        raw = path.read_bytes() if path.is_file() else b""
        for one in markers:
            if one.encode() in raw or one in str(path):
                found.setdefault(one, []).append(str(path.relative_to(folder)))
    return found


def dump_of(settings):
    """What the database holds, as its own tool writes it."""
    if settings.catalog_url.startswith("sqlite"):
        return ""
    url = make_url(settings.catalog_url).set(drivername="postgresql")
    words = ["pg_dump", "--dbname", url.render_as_string(hide_password=False)]
    return subprocess.run(words, capture_output=True, check=True, text=True).stdout


def end(settings):
    revoke("demo", settings, reason="breach", at=NOW.date(), now=LATER, run_id="test")


def test_no_marker_is_left_in_any_file(home):
    before = holding(home.home)
    dump = dump_of(home)
    assert {MEDIA, LOGGED} <= before.keys()
    assert all(one in before or one in dump for one in (NAMED, LOST, FOLDER, PAPER))
    assert not [one for one in before.get(NAMED, ()) if "revocations" in one]
    with looking(home) as session:
        assert f"{NAMED}.jsonl" in {one.path for one in files_of(session, "demo")}
        signals = [one.doc for one in facts_of(session, "demo") if one.kind == "signal"]
        assert any(FOLDER in one["where"]["path"] for one in signals)
    end(home)

    erase("demo", home, now=LATER)

    assert holding(home.home) == {}
    after = dump_of(home)
    assert [one for one in MARKERS if one in after] == []
    with looking(home) as session:
        assert all(one.path.startswith("personal:") for one in files_of(session, "demo"))
        assert [one.evidence for one in quarantined(session, "demo")] == [{}]
    assert verify(home).broken == ()


def test_a_restored_home_erases_again_what_the_certificates_say(home, tmp_path):
    dump, saved = dump_of(home), tmp_path / "saved"
    shutil.copytree(home.home, saved)
    end(home)
    done = erase("demo", home, now=LATER)
    paper = Path(shutil.copy(done.certificate, tmp_path / "paper.json"))
    restore(home, saved, dump)
    assert holding(home.home)

    (again,) = replay([paper], home, now=LATER)

    assert (again.already, again.erasure_id) == (False, done.erasure_id)
    assert holding(home.home) == {}
    assert [one for one in MARKERS if one in dump_of(home)] == []
    with looking(home) as session:
        (one,) = erasures(session)
    assert one.certificate == paper.read_text()
    assert verify(home).broken == ()
    assert replay([paper], home, now=LATER)[0].already


def restore(settings, saved, dump):
    """Put the home, and the database, back to what they were."""
    shutil.rmtree(settings.home)
    shutil.copytree(saved, settings.home)
    if settings.catalog_url.startswith("sqlite"):
        return
    url = make_url(settings.catalog_url).set(drivername="postgresql")
    words = ["psql", "--quiet", "--dbname", url.render_as_string(hide_password=False)]
    emptied = "DROP SCHEMA public CASCADE; CREATE SCHEMA public;\n"
    subprocess.run(words, input=emptied + dump, capture_output=True, check=True, text=True)


def test_a_certificate_of_a_stranger_is_refused_and_nothing_goes(home, tmp_path):
    end(home)
    other = Settings(
        home=tmp_path / "other",
        catalog_url=f"sqlite:///{tmp_path}/other/catalog.sqlite",
        lake=str(tmp_path / "other/lake"),
    )
    make_home(other)
    doc = {
        "schema": SCHEMA,
        "subject": {"kind": "source", "id": "demo", "source": "demo"},
        **dict.fromkeys(("revocation", "begun_at", "ended_at", "read_back"), ""),
        "erased": {},
        "remains": {},
    }
    paper = tmp_path / "paper.json"
    paper.write_text(signed(doc, signing_secret(other)).certificate)
    with pytest.raises(PaperError, match="none of the trusted keys"):
        replay([paper], home, now=LATER)
    odd = {**doc, "subject": {"kind": "source", "id": "..", "source": ".."}}
    paper.write_text(signed(odd, signing_secret(home)).certificate)
    with pytest.raises(PaperError, match="certificate"):
        replay([paper], home, now=LATER)
    assert holding(home.home)
