"""Every revision goes down to the one before and up again, with data, on both databases."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from catalog import schema
from catalog.audit import verify_log
from catalog.closing import close
from catalog.coverage import cover_of
from catalog.engine import MIGRATIONS, migrate, open_catalog, reading, transaction
from catalog.errors import CatalogUnreachable
from catalog.mentions import TAKEN
from catalog.parties import parties
from tests.catalog.world import NOW, make_world

REVISIONS = [one.revision for one in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]
FIRST_REVISION = REVISIONS[-1]
FIRST = (schema.sources, schema.facts, schema.decisions, schema.clips, schema.log_leaves)


def test_each_revision_goes_down_and_up_again_with_its_data(url: str) -> None:
    """From the newest to the oldest: what the first schema holds is never touched."""
    with transaction(open_catalog(url)) as session:
        make_world(session)
    before = _counts(url)

    for older in REVISIONS[1:]:
        _alembic(url, command.downgrade, older)
        assert (_revision(url), _counts(url)) == (older, before)
        assert migrate(url) == REVISIONS[0]
        assert _counts(url) == before
        with _connected(url) as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, schema.metadata) == []

    with reading(open_catalog(url, read_only=True)) as session:
        lost = [one for one in verify_log(session).broken if "the rows are missing" not in one]
        assert [one for one in lost if "the row is missing" not in one] == []


def test_each_revision_alone_goes_down_and_up_with_the_log_whole(url: str) -> None:
    """Down one step and up: the log and all that stands in tables of older revisions are whole."""
    _alembic(url, command.downgrade, "base")
    for revision in reversed(REVISIONS):
        _alembic(url, command.upgrade, revision)
        if revision != REVISIONS[-1]:
            _alembic(url, command.downgrade, "-1")
            _alembic(url, command.upgrade, "+1")
        assert _revision(url) == revision
    with transaction(open_catalog(url)) as session:
        make_world(session)
        assert verify_log(session).broken == ()


def test_after_the_way_down_and_up_records_are_guarded_as_before(url: str) -> None:
    for older in REVISIONS[1:]:
        _alembic(url, command.downgrade, older)
    migrate(url)
    with transaction(open_catalog(url)) as session:
        make_world(session)

    assert _guards(url) == {
        one.name for one in schema.metadata.sorted_tables if not one.name.startswith("ops_")
    } - {"personal"}
    with _connected(url) as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text("DELETE FROM facts"))


def test_what_pages_look_up_is_made_from_what_was_on_record(url: str) -> None:
    """Columns of decisions, and the sources that revocations took, of a catalog of before."""

    def looked_up() -> list[list[tuple[object, ...]]]:
        table, said = schema.ops_mentions, schema.decisions
        taken = select(table).where(table.c.role == TAKEN).order_by(table.c.name)
        columns = select(said.c.seq, said.c.rights_key, said.c.reasons).order_by(said.c.seq)
        with _connected(url) as connection:
            return [[tuple(row) for row in connection.execute(one)] for one in (taken, columns)]

    with transaction(open_catalog(url)) as session:
        make_world(session)
        cover = cover_of(session, "source", "alpha", at=NOW.date())
        close(session, cover, reason="ordered", at=NOW.date(), now=NOW)
    before = looked_up()

    _alembic(url, command.downgrade, "0010")
    migrate(url)

    assert looked_up() == before
    assert [row[1] for row in before[0]] == ["alpha"]
    assert {row[1:] for row in before[1]} == {("key", '["GRANT"]')}
    with transaction(open_catalog(url)) as session:
        assert verify_log(session).broken == ()


def test_a_migration_that_fails_leaves_the_schema_it_found(url: str) -> None:
    """A table in the way, made by somebody else: nothing of the revision stays."""
    _alembic(url, command.downgrade, "0002")
    with _connected(url) as connection:
        connection.execute(text("CREATE TABLE log_heads (odd integer)"))
        connection.commit()
    before = _tables(url)

    with pytest.raises(CatalogUnreachable, match="already exists"):
        migrate(url)

    assert _revision(url) == "0002"
    assert _tables(url) == before


def test_nothing_is_left_of_an_emptied_database(url: str) -> None:
    _alembic(url, command.downgrade, "base")

    assert _tables(url) == ["alembic_version"]
    migrate(url)
    with reading(open_catalog(url, read_only=True)) as session:
        assert parties(session) == ()


def downgrade(url: str, revision: str) -> None:
    """Bring a catalog to an older schema."""
    _alembic(url, command.downgrade, revision)


def _counts(url: str) -> list[int]:
    with _connected(url) as connection:
        return [
            connection.execute(select(func.count()).select_from(one)).scalar_one() for one in FIRST
        ]


def _tables(url: str) -> list[str]:
    with _connected(url) as connection:
        return sorted(inspect(connection).get_table_names())


def _guards(url: str) -> set[str]:
    """The tables with a trigger against DELETE."""
    asked = (
        "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%_no_delete'"
        if url.startswith("sqlite")
        else "SELECT DISTINCT event_object_table FROM information_schema.triggers "
        "WHERE event_manipulation = 'DELETE'"
    )
    with _connected(url) as connection:
        return set(connection.execute(text(asked)).scalars())


def _revision(url: str) -> str | None:
    with _connected(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _alembic(url: str, act: Callable[[Config, str], object], revision: str) -> None:
    with _connected(url) as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        act(config, revision)
        connection.commit()
