"""Whatever is made from a source stands under all that is said of it, and falls with it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from catalog import decisions, derivations, duplicates, parts, rights
from catalog.audit import verify_log
from catalog.coverage import cover_of
from catalog.duplicates import Pair, Place
from catalog.errors import Contradiction, NotFound
from catalog.sources import Source, register_source
from licensing.compose.derive import Derivation
from pipelines.attach import deriving
from pipelines.audit.replay import Replayed, decisions_to_replay, replay_many
from pipelines.audit.standing import standings
from pipelines.clear import clear
from pipelines.errors import RegistrationError
from pipelines.export import export_set
from pipelines.render import RenderSpec
from pipelines.revocations import published_list
from pipelines.revoke import revoke
from tests.builders import ALL_SETTLED
from tests.pipelines.small_world import (
    MIT,
    NON_COMMERCIAL,
    NOW,
    SECOND,
    add_source,
    contract,
    looking,
    make_world,
    writing,
)

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def world(tmp_path, catalog_url):
    """A home with its catalog on each database."""
    return make_world(tmp_path, catalog_url=catalog_url)


def made(world, output, *inputs, op="adaptation", **how):
    told = Derivation(op=op, inputs=inputs, output=output, **how)
    return deriving.derive(world, told, now=NOW)


def films(world, **layers):
    """Sources by name, each with its layers and other recordings."""
    for seed, (name, own) in enumerate(layers.items(), start=1):
        add_source(world, name, own, seed=seed)


def verdicts(world, now=NOW):
    done = clear("commercial", world, now=now, run_id="test")
    return {one.source: one.verdict for one in done.rows}


def test_the_layers_of_what_it_was_made_from_lie_on_it_however_far_back(world):
    films(world, film=[NON_COMMERCIAL], cut=[MIT], captions=[MIT], free=[MIT])
    assert verdicts(world)["captions"] == "permit"
    made(world, "cut", "film")
    made(world, "captions", "cut", "free")
    assert verdicts(world) == {"film": "deny", "cut": "deny", "captions": "deny", "free": "permit"}


@pytest.mark.parametrize(
    ("origin", "own", "op", "verdict"),
    [
        ([MIT], [MIT], "adaptation", "permit"),
        ([], [MIT], "adaptation", "undetermined"),
        ([MIT], [], "adaptation", "undetermined"),
        ([MIT], [], "copy", "permit"),
        ([NON_COMMERCIAL], [], "copy", "deny"),
        ([MIT], [MIT], "fact_extraction", "undetermined"),
        ([contract("2020-01-01", "2021-01-01")], [MIT], "synthesise", "deny"),
    ],
)
def test_it_is_never_freer_than_what_it_was_made_from(world, origin, own, op, verdict):
    films(world, film=origin, captions=own)
    made(world, "captions", "film", op=op)
    assert verdicts(world)["captions"] == verdict


def test_sources_may_be_named_by_their_start(world):
    films(world, film=[NON_COMMERCIAL], captions=[MIT])
    made(world, "capt", "fil")
    assert verdicts(world)["captions"] == "deny"
    with looking(world) as session:
        assert derivations.derived_from(session, ["film"]) == {"captions"}
    deriving.void(world, "capt", ["fi"], now=LATER)
    assert verdicts(world, LATER)["captions"] == "permit"


def test_facts_that_identify_nobody_ask_no_more(world):
    films(world, film=[MIT], poses=[MIT])
    made(world, "poses", "film", op="fact_extraction", biometric=False)
    assert verdicts(world)["poses"] == "permit"


def test_what_others_claim_on_the_origin_reaches_what_was_made_from_it(world):
    films(world, film=[MIT], captions=[MIT], twin=[NON_COMMERCIAL])
    made(world, "captions", "film")
    assert verdicts(world)["captions"] == "permit"
    with looking(world) as session:
        ids = {name: parts.parts_of(session, name)[0].episode_id for name in ("film", "twin")}
    places = [Place(source_id=n, episode_id=i, start_ns=0, end_ns=SECOND) for n, i in ids.items()]
    with writing(world) as session:
        pair = Pair(one=places[0], other=places[1], kind="near")
        duplicates.record_pairs(session, [pair], now=NOW)
    assert verdicts(world)["captions"] == "deny"


def test_a_copy_of_what_was_made_stands_under_the_origin_too(world):
    films(world, film=[NON_COMMERCIAL])
    add_source(world, "captions", [MIT], seed=5)
    add_source(world, "mirror", [MIT], seed=5)  # the same bytes
    made(world, "captions", "film")
    assert verdicts(world) == {"film": "deny", "captions": "deny", "mirror": "deny"}


def test_an_origin_that_changes_later_is_noticed_and_one_that_never_was_lets_go(world):
    films(world, film=[MIT], captions=[MIT])
    made(world, "captions", "film")
    assert verdicts(world)["captions"] == "permit"
    with writing(world) as session:
        score = {**NON_COMMERCIAL, "part": "score"}
        rights.attach_layer(session, "film", score, now=LATER)
    assert verdicts(world, LATER)["captions"] == "deny"
    assert deriving.void(world, "captions", ["film"], now=LATER) == 1
    assert verdicts(world, LATER)["captions"] == "permit"
    before = clear("commercial", world, now=LATER, run_id="test", known=LATER - timedelta(1))
    assert {one.verdict for one in before.rows} <= {"undetermined"}


def test_a_loss_reaches_all_that_was_made_from_it(world):
    films(world, film=[contract()], cut=[MIT], captions=[MIT], free=[MIT])
    made(world, "cut", "film")
    made(world, "captions", "cut")
    assert set(verdicts(world).values()) == {"permit"}
    spec = RenderSpec(width=32, height=32)
    export_set("demo", "commercial", world, spec=spec, at_once=0, run_id="test", now=NOW)

    done = revoke("film", world, reason="breach", at=NOW.date(), now=LATER, run_id="test")

    assert len(done.shards) == 3
    listed = published_list(world)
    assert listed is not None
    assert {one["id"] for one in listed.entries} == {"film", "cut", "captions"}
    after = verdicts(world, LATER)
    assert after == {"film": "deny", "cut": "deny", "captions": "deny", "free": "permit"}


def test_a_loss_of_one_episode_takes_all_that_was_made_from_the_source(world):
    add_source(world, "film", [MIT], episodes=2, seed=8)
    films(world, captions=[MIT])
    made(world, "captions", "film")
    with looking(world) as session:
        cover = cover_of(session, "file", "film/take_1.mp4", at=NOW.date())
    assert cover.sources == ("captions", "film")
    assert [one.episode_id == "" for one in cover.pieces] == [True, False]


def test_decisions_over_what_was_made_are_replayed_equal(world):
    films(world, film=[contract()], captions=[MIT], bare=[], words=[MIT])
    with writing(world) as session:  # registered, and without any episode yet
        register_empty(session, "notes")
    made(world, "captions", "film", "bare")
    made(world, "words", "film")
    made(world, "notes", "film")
    verdicts(world)
    revoke("film", world, reason="breach", at=NOW.date(), now=LATER, run_id="test")
    verdicts(world, LATER)

    ids = decisions_to_replay(world, sample=None, seed="")

    done = [one for one in replay_many(world, ids) if isinstance(one, Replayed)]
    assert {one.row.source_id for one in done} == {"film", "captions", "bare", "words", "notes"}
    assert [one.outcome for one in done] == ["equal"] * len(ids)
    with looking(world) as session:
        assert verify_log(session).broken == ()


@pytest.mark.parametrize(
    ("reason", "said"),
    [("breach", "ended from 2026-12-01 on (breach)"), ("void", "defeated (void)")],
)
def test_decisions_on_what_has_no_episodes_yet_fall_with_what_it_was_made_from(world, reason, said):
    films(world, film=[contract()], other=[contract()])
    with writing(world) as session:
        for name in ("notes", "words", "loose"):
            register_empty(session, name)
            rights.attach_layer(session, name, MIT, now=NOW)
            rights.attach(session, name, "settled", ALL_SETTLED, now=NOW)
    made(world, "notes", "film")
    made(world, "words", "notes")
    made(world, "loose", "other")
    assert set(verdicts(world).values()) == {"permit"}
    revoke("film", world, reason=reason, at=NOW.date(), now=LATER, run_id="test")

    with looking(world) as session:
        rows = decisions.decisions(session, known=LATER - timedelta(minutes=1))
        found = standings(session, rows)
        before = standings(session, rows, known=LATER - timedelta(minutes=1))

    told = {row.source_id: one.words() for row, one in zip(rows, found, strict=True)}
    lost = dict.fromkeys(("film", "notes", "words"), said)
    assert told == {**lost, "other": "stands", "loose": "stands"}
    assert {one.words() for one in before} == {"stands"}


def register_empty(session, name):
    source = Source(source_id=name, uri=f"/recordings/{name}", modality="game", title=name)
    register_source(session, source, now=NOW)


def test_what_cannot_be_is_refused(world):
    films(world, film=[MIT], captions=[MIT])
    made(world, "captions", "film")
    for output, source, op, code in (
        ("film", "captions", "copy", "DERIVATION_CIRCLE"),
        ("captions", "film", "train", "DERIVATION_TRAIN"),
    ):
        with pytest.raises(Contradiction) as caught:
            made(world, output, source, op=op)
        assert caught.value.code == code
    with pytest.raises(NotFound):
        made(world, "captions", "nothing")
    with pytest.raises(RegistrationError, match="op: unknown value") as unread:
        made(world, "captions", "film", op="caption")
    assert unread.value.code == "DERIVATION_UNREADABLE"
    with pytest.raises(RegistrationError) as missing:
        deriving.void(world, "film", ["captions"], now=NOW)
    assert missing.value.code == "DERIVATION_MISSING"
    with looking(world) as session:
        assert derivations.derived_from(session, ["film"]) == {"captions"}
        assert len(derivations.derivations_of(session, ["captions"])) == 1
