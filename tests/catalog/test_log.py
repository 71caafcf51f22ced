"""Whatever is done to the catalog behind our back is found, and named by table and key."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from catalog import log, schema, tree
from catalog.audit import verify_log
from catalog.engine import open_catalog, reading, transaction
from catalog.parties import Party, register_party
from licensing.merkle import consistency_holds, leaf_hash
from tests.catalog.world import NOW, a_decision, add_source, make_world
from tests.catalogs import new_catalog

FORGERIES = {
    "a document": ("UPDATE sources SET doc = replace(doc, 'Film', 'Mine') "
                   "WHERE source_id = 'alpha'", "sources alpha: the row differs"),
    "a column": ("UPDATE decisions SET verdict = 'deny' WHERE source_id = 'beta'",
                 "decisions beta-decision: a column differs"),
    "a time": ("UPDATE facts SET recorded_at = '2020-01-01T00:00:00.000000Z' WHERE seq = "
               "(SELECT min(seq) FROM facts)", "the row differs from the log"),
    "a missing row": ("DELETE FROM runs WHERE run_id = 'run-1'", "runs run-1: the row is missing"),
    "a new row": ("INSERT INTO parties (seq, party_id, doc, recorded_at) VALUES "
                  "(999, 'eve', '{}', 'now')", "parties seq 999: a row that the log does not"),
    "a clip": ("UPDATE clips SET status = 'kept' WHERE clip_id = 'alpha-2'",
               "clips alpha by cut: rows of leaf"),
    "a new clip": ("INSERT INTO clips (leaf, clip_id, source_id, episode_id, start_ns, end_ns, "
                   "status, reason) SELECT leaf, 'x', source_id, episode_id, 0, 1, 'kept', '' "
                   "FROM clips WHERE clip_id = 'alpha-0'", "clips alpha by cut: rows of leaf"),
    "a part": ("UPDATE parts SET rights_key = 'freer' WHERE source_id = 'alpha'",
               "parts alpha by clear: rows of leaf"),
    "a missing part": ("DELETE FROM parts WHERE source_id = 'beta'",
                       "parts beta by clear: the rows are missing"),
    "the layers of a key": ("UPDATE rights_keys SET layer_ids = '[]'",
                            "rights_keys alpha: rows of leaf"),
    "a keying": ("UPDATE keyings SET parts_leaf = 0 WHERE source_id = 'alpha'",
                 "keyings alpha: a column differs"),
    "a place": ("DELETE FROM shard_clips WHERE set_id = 'drive@2'",
                "shard_clips drive@2: the rows are missing"),
    "a shard": ("UPDATE shards SET source_id = 'beta' WHERE source_id = 'alpha'",
                "shards drive@1: rows of leaf"),
    "a leaf": ("DELETE FROM log_leaves WHERE leaf_index = 3", "log_leaves 3: missing"),
    "a leaf's digest": ("UPDATE log_leaves SET digest = 'x' WHERE leaf_index = 0",
                        "log_leaves 0: sources alpha does not match its hash"),
    "the order": ("UPDATE sources SET seq = 999 - seq", "sources"),
}  # fmt: skip


def test_an_untouched_catalog_verifies(url: str) -> None:
    with transaction(open_catalog(url)) as session:
        make_world(session)

    with reading(open_catalog(url, read_only=True)) as session:
        report = verify_log(session)
        head = tree.head(session)

    assert report.broken == ()
    assert (report.size, report.root) == head
    assert report.size > 20


@pytest.mark.parametrize("what", FORGERIES)
def test_a_forgery_is_found_and_named(url: str, what: str) -> None:
    forgery, named = FORGERIES[what]
    with transaction(open_catalog(url)) as session:
        make_world(session)

    _forge(url, forgery)

    with reading(open_catalog(url, read_only=True)) as session:
        broken = verify_log(session).broken
    assert any(named in one for one in broken), broken


def test_a_forged_leaf_that_fits_its_row_changes_the_root(sqlite: str) -> None:
    with transaction(open_catalog(sqlite)) as session:
        register_party(session, Party(party_id="a", name="A"), now=NOW)
    with reading(open_catalog(sqlite)) as session:
        before = tree.head(session)
    other = sqlite.replace("catalog.sqlite", "other.sqlite")
    new_catalog(other)

    with transaction(open_catalog(other)) as session:
        register_party(session, Party(party_id="a", name="Eve"), now=NOW)

    with reading(open_catalog(other)) as session:
        assert verify_log(session).broken == ()
        assert tree.head(session) != before


def test_what_was_logged_stays_a_prefix(session: Session) -> None:
    add_source(session, "alpha")
    old_size, old_root = tree.head(session)

    add_source(session, "beta")

    size, root = tree.head(session)
    assert tree.head(session, old_size) == (old_size, old_root)
    assert consistency_holds(
        old_size=old_size, new_size=size,
        old_head=bytes.fromhex(old_root), new_head=bytes.fromhex(root),
        proof=tree.consistency(session, old_size, size),
    )  # fmt: skip


def test_a_leaf_is_the_hash_of_what_it_says(session: Session) -> None:
    index = log.append(session, "erasure", subject="x", doc={"rows": 3}, now=NOW)

    row = session.execute(schema.log_leaves.select()).mappings().one()
    said = {name: row[name] for name in ("kind", "table_name", "key", "digest", "recorded_at")}
    assert index == 0
    assert row["leaf_hash"] == leaf_hash(log.document(said)).hex()
    assert verify_log(session).broken == ()


def test_recorded_time_never_runs_back(session: Session) -> None:
    register_party(session, Party(party_id="a", name="A"), now=NOW)
    register_party(session, Party(party_id="b", name="B"), now=NOW - timedelta(days=1))

    times = session.execute(text("SELECT recorded_at FROM parties ORDER BY seq")).scalars().all()
    assert times == sorted(times)
    assert verify_log(session).broken == ()


def test_a_naive_instant_is_refused(session: Session) -> None:
    with pytest.raises(ValueError, match="naive"):
        register_party(session, Party(party_id="a", name="A"), now=NOW.replace(tzinfo=None))


@settings(max_examples=10)
@given(
    names=st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=6, unique=True),
    data=st.data(),
)
def test_any_edited_byte_of_any_record_is_found(
    fresh: Callable[[], str], names: list[str], data: st.DataObject
) -> None:
    url = fresh()
    with transaction(open_catalog(url)) as session:
        for name in names:
            register_party(session, Party(party_id=f"p-{name}", name=name), now=NOW)
        docs = {row.seq: row.doc for row in session.execute(text("SELECT seq, doc FROM parties"))}
    seq = data.draw(st.sampled_from(sorted(docs)))
    at = data.draw(st.integers(0, len(docs[seq]) - 1))
    forged = docs[seq][:at] + chr(ord(docs[seq][at]) ^ 1) + docs[seq][at + 1 :]

    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        connection.execute("DROP TRIGGER parties_no_update")
        connection.execute("UPDATE parties SET doc = ? WHERE seq = ?", (forged, seq))
    connection.close()

    with reading(open_catalog(url)) as session:
        assert len(verify_log(session).broken) == 1


def test_many_records_share_one_transaction(session: Session) -> None:
    rows = [(f"{number}", _decision(number)) for number in range(2_000)]

    log.record_many(session, schema.decisions, rows, now=NOW)

    report = verify_log(session)
    assert (report.size, report.broken) == (2_000, ())


def _decision(number: int) -> dict[str, object]:
    row = a_decision("alpha", decision_id=str(number))
    names = ("decision_id", "source_id", "request_digest", "verdict", "rights_key", "reasons")
    return {name: getattr(row, name) for name in names}


def _forge(url: str, words: str) -> None:
    """Act as somebody with the database's shell and rights over it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        if url.startswith("sqlite"):
            found = connection.execute(text("SELECT name FROM sqlite_master WHERE type='trigger'"))
            for name in found.scalars().all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("SET session_replication_role = replica"))
        connection.execute(text(words))
    engine.dispose()


def test_a_proof_looks_its_nodes_up_and_does_not_search_for_them(tmp_path: Path) -> None:
    """SQLite looks into no index for a pair of columns: a proof took 100 ms of a million leaves."""
    url = f"sqlite:///{tmp_path}/catalog.sqlite"
    new_catalog(url)
    with transaction(open_catalog(url)) as session:
        tree.grow(session, 0, [sha256(str(number).encode()).digest() for number in range(8_192)])
    with reading(open_catalog(url, read_only=True)) as session:
        driver = session.connection().connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        steps: list[int] = []
        driver.set_progress_handler(lambda: steps.append(100), 100)
        size, _ = tree.head(session, 8_190)  # twelve full subtrees
        driver.set_progress_handler(None, 0)
    assert size == 8_190
    assert sum(steps) < 20_000
