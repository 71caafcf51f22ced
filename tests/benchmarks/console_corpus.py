"""A corpus as large as the console must carry: 5,000 sources, 1 M clips, and what came of them.

The record is made by the functions that stations use and cleared by the station. Beside the sources
stand three requests, training sets with runs, checkpoints and a release, revocations in force, a
paper, signals that nobody read and an access log.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

from catalog import accounts, clips, files, parties, quarantine, releases, requests, rights, runs
from catalog import decisions as decided
from catalog import sources as registered
from catalog import training_sets as exported
from catalog.closing import close
from catalog.coverage import cover_of
from catalog.engine import migrate
from pipelines.attach.station import attach_doc
from pipelines.clear import clear
from pipelines.keys import make_keys
from pipelines.revocations import publish_revocations
from pipelines.settings import Settings
from tests.builders import ALL_SETTLED
from tests.licensing.notation import layers_of
from tests.licensing.test_decide import golden_rows
from tests.pipelines.console.conftest import DEAL, PAPER
from tests.pipelines.small_world import COMMERCIAL, contract, looking, writing

SOURCES = int(os.environ.get("CLEARWAY_BENCH_SOURCES", "5000"))
CLIPS_EACH, PARTIES, AT_ONCE = 200, 700, 250
SETS, POINTS_EACH, IN_LARGEST, IN_OTHERS = 60, 20, 400, 5
REVOKED, WATCHED = 40, 10_000
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND = 1_000_000_000
REQUESTS = {
    "commercial": COMMERCIAL,
    "research": {**COMMERCIAL, "commercial": False},
    "annotate": {**COMMERCIAL, "action": "annotate"},
}


def make_corpus(home) -> Settings:
    """Make a home in this folder, with all of it on record and decided."""
    made = Settings(home=home, catalog_url=f"sqlite:///{home}/c.sqlite", lake=str(home / "lake"))
    migrate(made.catalog_url)
    make_keys(made)
    publish_revocations(made, now=NOW)
    with writing(made) as session:
        for name, asked in REQUESTS.items():
            requests.save_request(session, name, asked, now=NOW)
        for number in range(PARTIES):
            party = parties.Party(party_id=f"giver-{number}", name=f"Giver {number}")
            parties.register_party(session, party, now=NOW)
    for first in range(0, SOURCES, AT_ONCE):
        with writing(made) as session:
            for number in range(first, min(first + AT_ONCE, SOURCES)):
                _add_source(session, number)
    (home / "deal.md").write_text(PAPER, encoding="utf-8")
    attach_doc(made, name_of(1), DEAL, folder=home, now=NOW)
    for name in REQUESTS:
        clear(name, made, now=NOW, run_id="bench")
    _train(made)
    with writing(made) as session:
        for number in range(REVOKED):  # half of them reach the largest set
            cover = cover_of(session, "source", name_of(number), at=NOW.date())
            close(session, cover, reason="ordered", at=NOW.date(), now=NOW)
        for number in range(WATCHED):
            seen = accounts.Access(
                account="admin", what="GET", origin="127.0.0.1", subject=f"/sources/{number}",
                outcome=("SIGNED_IN", "NOT_ALLOWED")[number % 2],
            )  # fmt: skip
            accounts.log_access(session, seen, now=NOW)
    return made


def name_of(number: int) -> str:
    """The id of a source."""
    return f"source-{number:05d}"


def _train(settings: Settings) -> None:
    """Sets of permitted sources, the first one large; of each a run and its checkpoints."""
    with looking(settings) as session:
        rows = [one for one in decided.decisions(session) if one.request_name == "commercial"]
    permitted = {one.source_id: one for one in rows if one.verdict == "permit"}
    names = sorted(permitted)
    for number in range(SETS):
        many = min(IN_OTHERS if number else IN_LARGEST, len(names))
        own = sorted({names[(IN_OTHERS * number + at) % len(names)] for at in range(many)})
        with writing(settings) as session:
            _add_set(session, number, [permitted[one] for one in own])
            _add_run(session, number)
    with writing(settings) as session:
        release = releases.ReleaseRow(
            release_id="driver@1", name="driver", version="1", checkpoint_id=point_of(0, 0),
            run_id="run-00", digest="0" * 64, release="api", out_licence="proprietary",
        )  # fmt: skip
        releases.record_release(session, release, now=NOW)


def point_of(number: int, at: int) -> str:
    """The id of a checkpoint of a run."""
    return f"{number:04x}{at:028x}"


def _add_set(session, number: int, cleared: list[decided.DecisionRow]) -> None:
    request, set_id = REQUESTS["commercial"], f"base-{number:02d}@1"
    row = exported.TrainingSetRow(
        set_id=set_id, name=f"base-{number:02d}", version=1, content_digest=f"{number:064x}",
        manifest_digest=f"{number:064x}", request_name="commercial", request=request,
        request_digest=cleared[0].request_digest, num_clips=CLIPS_EACH * len(cleared),
        num_frames=20 * CLIPS_EACH * len(cleared), predecessor=None, made_at=NOW,
        decisions=tuple(one.decision_id for one in cleared), not_after=date(2035, 1, 1),
        sources=tuple(one.source_id for one in cleared),
    )  # fmt: skip
    exported.record_training_set(session, row, run_id="bench", now=NOW)
    exported.record_clearance(
        session, set_id, f"{number:064x}", not_before=NOW, not_after=NOW + timedelta(hours=24),
        now=NOW,
    )  # fmt: skip
    places = [
        (f"{one.source_id}-{each:04d}", "", at)
        for at, one in enumerate(cleared)
        for each in range(CLIPS_EACH)
    ]
    clips.record_shards(session, set_id, places, now=NOW)


def _add_run(session, number: int) -> None:
    run = runs.RunRow(
        run_id=f"run-{number:02d}", set_id=f"base-{number:02d}@1", seed=number, record={},
        manifest_digest=f"{number:064x}", config={"steps": 100, "model": {"width": 64}},
    )  # fmt: skip
    runs.record_run(session, run, now=NOW)
    for at in range(POINTS_EACH):
        point = runs.CheckpointRow(
            checkpoint_id=point_of(number, at), run_id=run.run_id, step=at, path=f"step-{at}",
            digest="0" * 64, metrics={"loss": 0.5},
        )  # fmt: skip
        runs.record_checkpoint(session, point, now=NOW)


def _add_source(session, number: int) -> None:
    name, rows = name_of(number), golden_rows()
    source = registered.Source(
        source_id=name, uri=f"/recordings/{name}", owner=f"giver-{number % PARTIES}",
        modality=("game", "video", "robot")[number % 3], title=f"Recordings {number}",
    )  # fmt: skip
    registered.register_source(session, source, now=NOW)
    layers = layers_of(rows[number % len(rows)]["layers"])
    if number % 50 == 0:
        layers = [*layers, contract(end=str((NOW + timedelta(days=number % 89 + 1)).date()))]
    for layer in layers:
        rights.attach_layer(session, name, layer, now=NOW)
    rights.attach(session, name, "settled", ALL_SETTLED, now=NOW)
    if number % 70 == 0:
        signal = {"layer_id": "*", "about": f"{name}.mp4", "unread": "C2PA of a later version"}
        rights.attach(session, name, "signal", signal, now=NOW)
    _add_recording(session, name, number)


def _add_recording(session, name: str, number: int) -> None:
    digest = digest_of(number)
    entry = files.FileEntry(
        source_id=name, path=f"{name}.mp4", sha256=digest, size_bytes=9, status="ingested",
        duration_ns=600 * SECOND,
    )  # fmt: skip
    files.record_files(session, [entry], run_id="bench", now=NOW)
    if number % 100 == 0:
        held = quarantine.QuarantineEntry(
            source_id=name, path=f"broken-{name}.mp4", sha256=digest, reason="UNREADABLE"
        )
        quarantine.record_quarantine(session, [held], run_id="bench", now=NOW)
    episode = clips.EpisodeRow(
        episode_id=f"{name}-0", source_id=name, files=(digest,), reader="video@1",
        streams=({"name": "video", "kind": "video"},), start_ns=0, end_ns=600 * SECOND,
    )  # fmt: skip
    clips.record_episodes(session, [episode], run_id="bench", now=NOW)
    windows = [
        clips.ClipRow(
            clip_id=f"{name}-{at:04d}", source_id=name, episode_id=f"{name}-0",
            start_ns=3 * at * SECOND, end_ns=(3 * at + 2) * SECOND,
        )
        for at in range(CLIPS_EACH)
    ]  # fmt: skip
    clips.record_clips(session, windows, run_id="bench", now=NOW)


def digest_of(number: int) -> str:
    """The sha256 of the one file of a source."""
    return sha256(str(number).encode()).hexdigest()
