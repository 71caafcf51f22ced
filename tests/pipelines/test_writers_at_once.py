"""Two ingests, a clearing and a revocation at once end as if one had come after the other."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from threading import Barrier

import pytest
from sqlalchemy import create_engine, text

from catalog import decisions, rights
from catalog.audit import verify_log
from catalog.clips import episodes_of
from catalog.errors import CatalogUnreachable
from catalog.files import file_line, files_of
from pipelines.check import check
from pipelines.clear import clear
from pipelines.heads import verify
from pipelines.ingest.station import ingest
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.reading import content_digest
from pipelines.revocations import published_list
from pipelines.revoke import revoke
from tests.pipelines.places import a_source, events
from tests.pipelines.small_world import NOW, add_source, contract, looking, make_world, writing

LATER = NOW + timedelta(hours=1)
TAKEN = ("one", "two")
ACTS = ("ingest one", "ingest two", "clear", "revoke")


@pytest.fixture
def world(tmp_path, catalog_url):
    return prepared(tmp_path, catalog_url)


def prepared(folder, url=""):
    """Two sources to ingest, both licensed, and one that is about to be revoked."""
    world = make_world(folder, catalog_url=url)
    add_source(world, "arm", [contract()], episodes=0)
    for number, name in enumerate(TAKEN):
        events(a_source(world, folder / name, source_id=name) / "log.jsonl", rows=20, seed=number)
        with writing(world) as session:
            rights.attach_layer(session, name, contract(), now=NOW)
    return world


def act(world, what):
    verb, _, name = what.partition(" ")
    if verb == "ingest":
        ingest(name, world, at_once=0, run_id=what, now=NOW)
    elif verb == "clear":
        clear("commercial", world, now=NOW, run_id=what)
    else:
        revoke("arm", world, reason="breach", at=NOW.date(), now=LATER, run_id=what)


def end_state(world):
    """All that must be as in some order: not when, by whom and at which leaf."""
    published = published_list(world)
    assert published is not None
    with looking(world) as session:
        rows = decisions.decisions(session)
        latest = {row.source_id: (row.verdict, row.reasons) for row in rows}
        return {
            "files": [file_line(one) for name in TAKEN for one in files_of(session, name)],
            "episodes": [
                sorted(one.episode_id for one in episodes_of(session, name)) for name in TAKEN
            ],
            "lake": [
                content_digest(
                    *(dataset_uri(world.lake, name, one) for one in ("media", "streams"))
                )
                for name in TAKEN
            ],
            "revoked": [one.subject_id for one in rights.revocations(session)],
            "published": sorted(one["id"] for one in published.entries),
            "latest": latest,
        }


def whole(world):
    with looking(world) as session:
        assert verify_log(session).broken == ()
    assert verify(world).broken == ()
    assert [one for one in check(world) if one.part != "log"] == []


def test_writers_at_once_end_as_in_some_order(world, tmp_path):
    start = Barrier(len(ACTS))

    def go(what):
        start.wait()
        act(world, what)

    with ThreadPoolExecutor(len(ACTS)) as pool:
        for done in [pool.submit(go, what) for what in ACTS]:
            done.result()

    whole(world)
    found = end_state(world)
    assert found["latest"]["arm"][0] == "deny"
    assert any(found == in_order(tmp_path / str(n), order) for n, order in enumerate(orders()))


def orders():
    """The orders that can differ first: the ingests are of different sources."""
    return sorted(permutations(ACTS), key=lambda order: (order.index("clear"), order))


def in_order(folder, order):
    """The end state when one act comes after the other, in a world of its own."""
    folder.mkdir()
    world = prepared(folder)
    for what in order:
        act(world, what)
    return end_state(world)


@pytest.mark.parametrize("after", [1, 4, 7])
def test_an_ingest_whose_connection_is_ended_converges_on_the_next_run(postgres, tmp_path, after):
    """The server ends every connection after some transactions of the ingest."""
    world = prepared(tmp_path, postgres)
    admin = create_engine(postgres, isolation_level="AUTOCOMMIT")
    ended = end_after(admin, after)
    next(ended)

    with pytest.MonkeyPatch.context() as patched:
        watch(patched, ended)
        with pytest.raises(CatalogUnreachable) as caught:
            act(world, "ingest one")
    admin.dispose()

    assert caught.value.code == "CATALOG_LOST"
    with looking(world) as session:
        assert verify_log(session).broken == ()
    for what in ACTS:
        act(world, what)
    whole(world)
    (tmp_path / "unharmed").mkdir()
    assert end_state(world) == in_order(tmp_path / "unharmed" / "x", ACTS)


def end_after(admin, after):
    """Count what is sent to it; at `after` have the server end every other connection."""
    words = text(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    for count in range(1_000_000):
        yield count
        if count == after:
            with admin.connect() as connection:
                connection.execute(words)


def watch(patched, ended):
    """Step `ended` at each record that is written."""
    from catalog import versions

    kept = versions.save

    def save(session, row, *, now):
        next(ended)
        kept(session, row, now=now)

    patched.setattr(versions, "save", save)
