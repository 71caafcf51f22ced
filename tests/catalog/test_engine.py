"""A catalog is opened whole or refused; writers do not meet; the schema is the migrations'."""

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, Table, create_engine, delete, text, update
from sqlalchemy.exc import DBAPIError

from catalog import schema
from catalog.audit import verify_log
from catalog.engine import (
    MIGRATIONS,
    is_locked,
    migrate,
    open_catalog,
    reading,
    revisions,
    source_lock,
    transaction,
)
from catalog.errors import CatalogError, CatalogUnreachable, SchemaMismatch
from catalog.mentions import named
from catalog.parties import Party, parties, register_party
from catalog.rights import attach
from catalog.sources import Source, register_source
from tests.catalog.world import NOW, make_world

KEPT = [one.name for one in schema.metadata.sorted_tables if not one.name.startswith("ops_")]


@pytest.fixture(scope="module")
def filled(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the small world in it, for tests that change nothing."""
    path = tmp_path_factory.mktemp("filled") / "catalog.sqlite"
    shutil.copy(migrated, path)
    with transaction(open_catalog(f"sqlite:///{path}")) as session:
        make_world(session)
    return path


def test_a_missing_file_is_named_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "none.sqlite"

    with pytest.raises(CatalogUnreachable, match="no catalog at") as caught:
        open_catalog(f"sqlite:///{path}")

    assert (caught.value.code, caught.value.way_out) == ("CATALOG_MISSING", "clearway init")
    assert not path.exists()


def test_a_server_that_does_not_answer_is_named_within_seconds() -> None:
    begun = time.perf_counter()

    with pytest.raises(CatalogUnreachable, match="does not answer") as caught:
        open_catalog("postgresql+psycopg://someone:secret@127.0.0.1:1/none")

    assert caught.value.code == "CATALOG_UNREACHABLE"
    assert "secret" not in str(caught.value)
    assert time.perf_counter() - begun < 10


def test_a_statement_is_compiled_once_for_all_engines(
    url: str, fresh: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    """Of all files, and of one server: an engine is opened for each block of work."""
    other = fresh() if url.startswith("sqlite") else url
    with reading(open_catalog(url)) as session:
        parties(session)
    caplog.set_level("INFO", "sqlalchemy.engine.Engine")

    with reading(open_catalog(other)) as session:
        parties(session)

    said = [one.getMessage() for one in caplog.records]
    selected = said.index(next(one for one in said if "FROM parties" in one))
    assert "[cached since" in said[selected + 1]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    path.write_text("certainly not a database, whatever its name says")

    with pytest.raises(CatalogUnreachable, match="not a database"):
        open_catalog(f"sqlite:///{path}")


def test_a_catalog_of_a_newer_version_is_neither_opened_nor_migrated(url: str) -> None:
    _stamp(url, "9999")

    with pytest.raises(SchemaMismatch, match="revision 9999") as opened:
        open_catalog(url)
    with pytest.raises(SchemaMismatch, match="revision 9999") as migrated:
        migrate(url)

    assert {opened.value.code, migrated.value.code} == {"CATALOG_NEWER"}


def test_an_empty_file_is_older_and_migrates(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/catalog.sqlite"
    (tmp_path / "catalog.sqlite").touch()
    with pytest.raises(SchemaMismatch, match="revision None") as caught:
        open_catalog(url)

    assert caught.value.code == "CATALOG_OLDER"
    assert migrate(url) == migrate(url) == revisions()[0]
    open_catalog(url).dispose()


def test_a_catalog_of_the_first_schema_keeps_its_records(url: str) -> None:
    with transaction(open_catalog(url)) as session:
        register_party(session, Party(party_id="a", name="A"), now=NOW)
    _alembic(url, command.downgrade, "0001")
    with pytest.raises(SchemaMismatch, match="revision 0001") as caught:
        open_catalog(url)

    assert caught.value.code == "CATALOG_OLDER"
    assert migrate(url) == revisions()[0]
    with transaction(open_catalog(url)) as session:
        assert [one.party_id for one in parties(session)] == ["a"]
        make_world(session)
        assert verify_log(session).broken == ()


def test_what_older_records_mention_is_noted_when_they_are_migrated(url: str) -> None:
    said = {"id": "deal-1", "from": "acme"}
    with transaction(open_catalog(url)) as session:
        register_source(
            session, Source(source_id="a", uri="x", modality="game", owner="acme"), now=NOW
        )
        attach(session, "a", "instrument", said, now=NOW)
        before = (*named(session, "party", ["acme"]), *named(session, "owner", ["acme"]))
    _alembic(url, command.downgrade, "0003")
    migrate(url)
    with reading(open_catalog(url)) as session:
        after = (*named(session, "party", ["acme"]), *named(session, "owner", ["acme"]))
    assert len(before) == 2
    assert after == before


def test_the_migrations_come_to_the_schema(url: str) -> None:
    engine = open_catalog(url)

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        difference = compare_metadata(context, schema.metadata)

    engine.dispose()
    assert difference == []


def test_down_and_up_again_is_an_empty_catalog(url: str) -> None:
    with transaction(open_catalog(url)) as session:
        make_world(session)

    _alembic(url, command.downgrade, "base")
    migrate(url)

    with reading(open_catalog(url, read_only=True)) as session:
        assert parties(session) == ()
        assert verify_log(session).size == 0


@pytest.mark.parametrize("act", ["update", "delete"])
def test_the_database_refuses_to_change_or_delete_any_record(url: str, act: str) -> None:
    with transaction(open_catalog(url)) as session:
        make_world(session)
        register_party(session, Party(party_id="a", name="A"), now=NOW)

    refused = [one.name for one in schema.metadata.sorted_tables if _refuses(url, one, act)]

    never_filled = {
        *("quarantine", "fact_ends", "requests", "clearances", "revocations", "commits"),
        *("log_heads", "erasures", "personal", "answers", "acts"),
    }
    texts = {"personal"} if act == "update" else set()  # an erasure deletes them
    assert set(refused) == (set(KEPT) - never_filled) | texts


def test_no_record_is_replaced_by_an_insert(filled: Path) -> None:
    """`INSERT OR REPLACE` of SQLite deletes what is in the way without asking a trigger."""
    with closing(sqlite3.connect(filled)) as connection:
        held = [
            name
            for name in KEPT
            if connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        ]
        for name in held:
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(f"INSERT OR REPLACE INTO {name} SELECT * FROM {name}")

    assert len(held) > 12


def test_every_table_of_records_is_guarded_against_it(sqlite: str) -> None:
    with _unchecked(sqlite) as engine, engine.connect() as connection:
        named = text(
            "SELECT tbl_name FROM sqlite_master WHERE name LIKE '%\\_no\\_replace' ESCAPE '\\'"
        )
        assert set(connection.execute(named).scalars()) == set(KEPT)


def test_no_fact_is_replaced_under_its_other_key(filled: Path) -> None:
    words = (
        "INSERT OR REPLACE INTO facts SELECT 999, fact_id, source_id, kind, valid_from, valid_to, "
        "doc, recorded_at FROM facts LIMIT 1"
    )
    with (
        closing(sqlite3.connect(filled)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute(words)


def test_postgres_refuses_to_truncate(postgres: str) -> None:
    with (
        _unchecked(postgres) as engine,
        engine.connect() as connection,
        pytest.raises(DBAPIError, match="append-only"),
    ):
        connection.execute(text("TRUNCATE log_leaves"))


def test_a_failing_transaction_leaves_nothing(url: str) -> None:
    with pytest.raises(ZeroDivisionError, match="division"):
        _register(url, then=lambda: 1 / 0)

    with reading(open_catalog(url, read_only=True)) as session:
        assert parties(session) == ()
        assert verify_log(session).size == 0


def test_a_read_only_catalog_refuses_to_be_written(sqlite: str) -> None:
    with pytest.raises(CatalogUnreachable, match="readonly") as caught:
        _register(sqlite, read_only=True)

    assert caught.value.code == "CATALOG_READ_ONLY"


def test_writers_at_once_leave_a_whole_log_with_all_that_they_wrote(url: str) -> None:
    def write(number: int) -> None:
        for turn in range(5):
            with transaction(open_catalog(url)) as session:
                name = f"{number}-{turn}"
                register_party(session, Party(party_id=name, name=name), now=NOW)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()

    with reading(open_catalog(url, read_only=True)) as session:
        report = verify_log(session)
        assert (report.size, report.broken) == (20, ())
        assert len(parties(session)) == 20


def test_a_source_has_one_holder_and_others_are_not_in_its_way(url: str, tmp_path: Path) -> None:
    first, second = open_catalog(url), open_catalog(url)

    with source_lock(first, "a", tmp_path):
        with (
            pytest.raises(CatalogError, match="locked by another") as caught,
            source_lock(second, "a", tmp_path, timeout_s=0.1),
        ):
            pass
        with source_lock(second, "b", tmp_path, timeout_s=0.1):
            pass
        assert is_locked(second, "a", tmp_path)
        assert not is_locked(second, "b", tmp_path)
    assert not is_locked(second, "a", tmp_path)
    with source_lock(second, "a", tmp_path, timeout_s=0.1):
        pass

    first.dispose()
    second.dispose()
    assert caught.value.code == "SOURCE_LOCKED"


def test_a_lock_is_free_before_the_server_has_seen_its_connection_close(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = open_catalog(postgres), open_catalog(postgres)
    left: list[psycopg.Connection] = []

    with source_lock(first, "a", tmp_path):
        assert is_locked(second, "a", tmp_path)
        monkeypatch.setattr(psycopg.Connection, "close", lambda one: left.append(one))
    assert not is_locked(second, "a", tmp_path)

    monkeypatch.undo()
    for one in left:
        one.close()
    first.dispose()
    second.dispose()


def test_a_home_may_be_copied(sqlite: str, tmp_path: Path) -> None:
    with transaction(open_catalog(sqlite)) as session:
        make_world(session)
    copy = tmp_path / "elsewhere"
    copy.mkdir()

    shutil.copy(tmp_path / "catalog.sqlite", copy)

    with reading(open_catalog(f"sqlite:///{copy}/catalog.sqlite", read_only=True)) as session:
        assert verify_log(session).broken == ()
    assert str(tmp_path).encode() not in (copy / "catalog.sqlite").read_bytes()


def test_sqlite_keeps_a_write_ahead_log_and_its_foreign_keys(sqlite: str) -> None:
    engine = open_catalog(sqlite)

    with engine.connect() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {one}").scalar()
                 for one in ("journal_mode", "foreign_keys")]  # fmt: skip

    engine.dispose()
    assert found == ["wal", 1]


def _register(
    url: str, *, read_only: bool = False, then: Callable[[], object] = lambda: None
) -> None:
    with transaction(open_catalog(url, read_only=read_only)) as session:
        register_party(session, Party(party_id="a", name="A"), now=NOW)
        then()


def _refuses(url: str, table: Table, act: str) -> bool:
    """Whether the rows of a table resist; False when there are none to try it on."""
    column = next(iter(table.primary_key.columns))
    words = update(table).values({column: column}) if act == "update" else delete(table)
    with _unchecked(url) as engine, engine.connect() as connection:
        try:
            return bool(connection.execute(words).rowcount and False)
        except DBAPIError as error:
            return "append-only" in str(error)


@contextmanager
def _unchecked(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    yield engine
    engine.dispose()


def _alembic(url: str, act: Callable[[Config, str], object], revision: str) -> None:
    with _unchecked(url) as engine, engine.connect() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        act(config, revision)
        connection.commit()


def _stamp(url: str, revision: str) -> None:
    """Write the mark that another version of the code would leave."""
    marked = text("UPDATE alembic_version SET version_num = :revision")
    with _unchecked(url) as engine, engine.begin() as connection:
        connection.execute(marked, {"revision": revision})
