"""A file, span, party or instrument is revoked: what it covers is lost, wherever it lies."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from catalog import parties, rights
from catalog.audit import verify_log
from catalog.errors import CatalogUnreachable, Contradiction, NotFound
from catalog.parties import Party
from licensing.request import read_request
from pipelines.clear import clear
from pipelines.errors import RevocationError
from pipelines.export import export_set
from pipelines.keys import trusted_publics
from pipelines.render import RenderSpec
from pipelines.revocations import published_list
from pipelines.revoke import revoke
from tests.pipelines.small_world import (
    COMMERCIAL,
    MIT,
    NOW,
    SECOND,
    add_source,
    contract,
    looking,
    make_world,
    writing,
)
from training.errors import Refused
from training.gate import open_training_set

SPEC = RenderSpec(width=32, height=32)
LATER = NOW + timedelta(hours=1)


def agreed(**terms):
    """The layer of an agreement, with further terms of its basis."""
    layer = contract()
    return layer | {"basis": [layer["basis"][0] | {"sublicense": True} | terms]}


CHAIN = agreed(
    instrument_id="sub-7",
    licensor="studio",
    licensee="us",
    chain=[{"instrument_id": "head-1", "licensor": "author", "licensee": "studio",
            "sublicense": True, "grade": "E1"}],
) | {"holder": "author"}  # fmt: skip


@pytest.fixture
def world(tmp_path):
    return make_world(tmp_path)


def end(world, what, of, **how):
    return revoke(
        what,
        world,
        of=of,
        reason=how.pop("reason", "taken_down"),
        at=how.pop("at", NOW.date()),
        now=how.pop("now", LATER),
        run_id="test",
        **how,
    )


def export(world, now=NOW):
    return export_set("demo", "commercial", world, spec=SPEC, at_once=0, run_id="test", now=now)


def entries(world):
    found = published_list(world)
    assert found is not None
    return [(one["kind"], one["id"]) for one in found.entries]


def verdicts(world, day):
    done = clear({**COMMERCIAL, "at": day}, world, now=LATER, run_id="test", record=False)
    return {one.source: one.verdict for one in done.rows}


def open_gate(world, done, now=LATER):
    return open_training_set(
        done.uri, read_request(COMMERCIAL), keys=trusted_publics(world), now=now
    )


def test_a_file_takes_its_clips_and_leaves_the_rest_of_the_source(world):
    add_source(world, "open", [MIT], episodes=2)
    first = export(world)
    done = end(world, "open/take_0.mp4", "file")
    assert (done.kind, done.subject, len(done.clips), done.facts) == (
        "file", "open/take_0.mp4", 3, 0,
    )  # fmt: skip
    assert entries(world) == [("clip", one) for one in done.clips]
    with pytest.raises(Refused, match="holds revoked rows"):
        open_gate(world, first)
    second = export(world, now=LATER)
    assert second.num_clips == 3
    open_gate(world, second)
    with looking(world) as session:
        assert verify_log(session).broken == ()


def test_a_file_is_named_by_the_start_of_its_hash_too(world):
    (episode,) = add_source(world, "open", [MIT])
    done = end(world, episode.files[0][:10], "file", dry_run=True)
    assert (done.subject, done.sources) == (episode.files[0], ("open",))


def test_equal_bytes_in_another_source_are_lost_too(world):
    add_source(world, "one", [MIT], seed=4)
    add_source(world, "two", [contract()], seed=4)
    done = end(world, "one/take_0.mp4", "file")
    assert done.sources == ("one", "two")
    assert len(done.clips) == 6
    assert verdicts(world, NOW.date()) == {"one": "deny", "two": "deny"}


def test_a_source_takes_the_equal_bytes_of_another(world):
    add_source(world, "one", [contract()], seed=4)
    add_source(world, "two", [MIT], seed=4, episodes=2)
    export(world)
    done = end(world, "one", "source", reason="ended")
    assert (len(done.clips), done.sources) == (6, ("one", "two"))
    assert [kind for kind, _ in entries(world)] == ["source", *["clip"] * 3]


def test_a_span_takes_the_clips_that_it_touches(world):
    (episode,) = add_source(world, "open", [MIT])
    export(world)
    done = end(world, episode.episode_id, "span", span=(3 * SECOND, 4 * SECOND))
    assert len(done.clips) == 1
    assert entries(world) == [("clip", done.clips[0])]
    assert export(world, now=LATER).num_clips == 2


def test_a_span_outside_its_episode_is_refused(world):
    (episode,) = add_source(world, "open", [MIT])
    for span in ((5 * SECOND, 7 * SECOND), (3, 3), (-1, 5), (0, 0)):
        with pytest.raises(Contradiction) as caught:
            end(world, episode.episode_id, "span", span=span)
        assert caught.value.code == "SPAN_OUTSIDE"


@pytest.mark.parametrize(
    ("what", "of"),
    [("sub-7", "instrument"), ("head-1", "instrument"), ("head", "instrument"),
     ("author", "party"), ("studio", "party")],
)  # fmt: skip
def test_any_link_of_a_chain_of_sublicences_takes_the_source(world, what, of):
    add_source(world, "open", [MIT])
    add_source(world, "film", [CHAIN], seed=7)
    with writing(world) as session:
        for name in ("author", "studio"):
            parties.register_party(session, Party(party_id=name, name=name), now=NOW)
    assert verdicts(world, NOW.date()) == {"open": "permit", "film": "permit"}
    done = end(world, what, of, reason="ended")
    assert (done.sources, done.facts) == (("film",), 1)
    assert verdicts(world, NOW.date()) == {"open": "permit", "film": "deny"}
    assert entries(world) == [("source", "film")]


def test_the_licensee_is_no_giver(world):
    add_source(world, "film", [CHAIN])
    with writing(world) as session:
        parties.register_party(session, Party(party_id="us", name="us"), now=NOW)
    assert end(world, "us", "party", dry_run=True).sources == ()


def test_the_owner_of_a_source_takes_all_of_it(world):
    from catalog.sources import Source, register_source

    add_source(world, "open", [MIT])
    with writing(world) as session:
        register_source(
            session, Source(source_id="open", uri="/x", modality="game", owner="acme"), now=NOW
        )
        parties.register_party(session, Party(party_id="acme", name="acme"), now=NOW)
    done = end(world, "acme", "party")
    assert (done.sources, done.facts) == (("open",), 1)


def test_a_layer_with_another_ground_stays(world):
    both = agreed(instrument_id="deal")
    both["basis"] = [*both["basis"], MIT["basis"][0]]
    add_source(world, "film", [both])
    done = end(world, "deal", "instrument", reason="ended")
    assert (done.sources, done.facts, len(done.kept)) == ((), 1, 1)
    assert verdicts(world, NOW.date()) == {"film": "permit"}
    assert entries(world) == []


@pytest.mark.parametrize(
    ("reason", "before", "after"),
    [("void", "deny", "deny"), ("ended", "permit", "deny"), ("ordered", "permit", "deny"),
     ("opted_out", "permit", "deny"), ("expired", "permit", "deny"),
     ("withdrawn", "permit", "deny"), ("taken_down", "permit", "deny"),
     ("breach", "permit", "deny")],
)  # fmt: skip
def test_void_acts_from_the_start_and_all_else_from_its_day(world, reason, before, after):
    add_source(world, "film", [contract()])
    end(world, "film", "source", reason=reason)
    assert verdicts(world, NOW.date() - timedelta(days=30)) == {"film": before}
    assert verdicts(world, NOW.date()) == {"film": after}


@pytest.mark.parametrize(("reason", "before"), [("void", "deny"), ("taken_down", "permit")])
def test_a_file_is_lost_from_its_day_or_from_the_start(world, reason, before):
    add_source(world, "open", [MIT])
    end(world, "open/take_0.mp4", "file", reason=reason)
    assert verdicts(world, NOW.date() - timedelta(days=30)) == {"open": before}
    assert verdicts(world, NOW.date()) == {"open": "deny"}


def test_an_order_stands_against_a_licence_that_cannot_be_ended(world):
    add_source(world, "open", [MIT])
    done = end(world, "open", "source", reason="ordered")
    assert (done.bars, verdicts(world, NOW.date())) == (1, {"open": "deny"})


def test_a_void_right_is_listed_at_once_whatever_its_day(world):
    add_source(world, "film", [contract()])
    end(world, "film", "source", reason="void", at=date(2027, 5, 1))
    assert entries(world) == [("source", "film")]


def test_what_has_ended_cannot_expire_again_but_may_be_void(world):
    add_source(world, "film", [contract(end="2026-06-01")])
    before = _rows(world)
    with pytest.raises(RevocationError, match="had ended by") as caught:
        end(world, "film", "source", reason="expired")
    assert caught.value.code == "ALREADY_EXPIRED"
    assert _rows(world) == before
    assert end(world, "film", "source", reason="void").sequence == 1


def test_a_clock_that_runs_backwards_is_refused(world):
    add_source(world, "film", [contract()])
    before = _rows(world)
    for dry_run in (True, False):
        with pytest.raises(RevocationError, match="runs backwards") as caught:
            end(world, "film", "source", now=NOW - timedelta(days=1), dry_run=dry_run)
        assert caught.value.code == "CLOCK_BACKWARDS"
    assert _rows(world) == before


@pytest.mark.parametrize(("ahead_ms", "is_taken"), [(100, True), (900, True), (1_100, False)])
def test_a_machine_whose_clock_is_a_little_ahead_blocks_nobody(world, ahead_ms, is_taken):
    add_source(world, "film", [contract()])
    add_source(world, "other", [MIT], seed=8, now=LATER + timedelta(milliseconds=ahead_ms))
    if not is_taken:
        with pytest.raises(RevocationError) as caught:
            end(world, "film", "source")
        assert caught.value.code == "CLOCK_BACKWARDS"
        return
    end(world, "film", "source")
    with looking(world) as session:
        (one,) = rights.revocations(session)
        assert one.recorded_at > LATER  # after what the other machine recorded
        assert verify_log(session).broken == ()


@pytest.mark.parametrize("of", ["source", "file", "span", "party", "instrument"])
def test_an_id_that_nobody_knows_is_refused(world, of):
    with pytest.raises(NotFound) as caught:
        end(world, "nobody", of, span=(0, 1))
    assert caught.value.code == "UNKNOWN_ID"


def test_an_ambiguous_start_of_an_id_is_refused(world):
    add_source(world, "film-1", [agreed(instrument_id="deal-1")])
    add_source(world, "film-2", [agreed(instrument_id="deal-2")], seed=9)
    for what, of in (("film", "source"), ("deal", "instrument")):
        with pytest.raises(NotFound) as caught:
            end(world, what, of)
        assert caught.value.code == "AMBIGUOUS_ID"


def test_a_dry_run_of_every_kind_changes_nothing(world):
    (episode,) = add_source(world, "film", [CHAIN])
    with writing(world) as session:
        parties.register_party(session, Party(party_id="author", name="author"), now=NOW)
    before, raw = _rows(world), published_list(world)
    for what, of in (
        ("film", "source"), ("film/take_0.mp4", "file"), ("author", "party"),
        ("head-1", "instrument"), (episode.episode_id, "span"),
    ):  # fmt: skip
        done = end(world, what, of, span=(0, SECOND), dry_run=True)
        assert done.sources == ("film",)
        assert "would end" in done.summary()
    assert (_rows(world), published_list(world)) == (before, raw)
    assert not (world.home / "revocations").exists()


def test_a_database_that_may_only_be_read_is_named_and_nothing_is_done(tmp_path, postgres):
    from sqlalchemy import create_engine, text

    world = make_world(tmp_path, catalog_url=postgres)
    add_source(world, "film", [contract()])
    before, raw = _rows(world), published_list(world)
    admin = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar()
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    admin.dispose()
    with pytest.raises(CatalogUnreachable) as caught:
        end(world, "film", "source")
    assert caught.value.code == "CATALOG_READ_ONLY"
    assert (_rows(world), published_list(world)) == (before, raw)


def test_postgresql_takes_the_same_revocations(tmp_path, postgres):
    world = make_world(tmp_path, catalog_url=postgres)
    (episode,) = add_source(world, "film", [CHAIN])
    add_source(world, "open", [MIT], seed=8)
    assert len(end(world, "open/take_0.mp4", "file").clips) == 3
    assert len(end(world, episode.episode_id, "span", span=(0, 1)).clips) == 1
    assert end(world, "head-1", "instrument", reason="ended").sources == ("film",)
    with looking(world) as session:
        assert verify_log(session).broken == ()
        assert len(rights.revocations(session)) == 3


def _rows(world):
    with looking(world) as session:
        return verify_log(session).root
