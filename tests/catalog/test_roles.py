"""Roles on PostgreSQL: the server refuses what a role may not do, whatever the code says."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from catalog.audit import verify_log
from catalog.engine import open_catalog, reading, transaction
from catalog.errors import CatalogError, CatalogUnreachable
from catalog.parties import Party, parties, register_party
from catalog.roles import grant_roles, has_roles, roles_sql
from tests.catalog.world import NOW, make_world


@pytest.fixture
def logins(postgres: str) -> Iterator[Callable[[str], str]]:
    """The address of a filled catalog as seen by a login of each role."""
    url = make_url(postgres)
    with transaction(open_catalog(postgres)) as session:
        make_world(session)
    owner = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        connection.execute(
            text(
                "CREATE TABLE IF NOT EXISTS personal (personal_id text PRIMARY KEY, "
                "source_id text NOT NULL, salt text NOT NULL, text text NOT NULL)"
            )
        )
        connection.execute(text("INSERT INTO personal VALUES ('a', 'alpha', 's', 'a name')"))
    groups = dict(zip(("app", "erase"), grant_roles(postgres), strict=True))
    with owner.connect() as connection:
        for group in groups.values():
            connection.execute(text(f"DROP ROLE IF EXISTS {group}_login"))
            words = f"CREATE ROLE {group}_login LOGIN PASSWORD 'secret' IN ROLE {group}"
            connection.execute(text(words))

    def login(role: str) -> str:
        to = url.set(username=f"{groups[role]}_login", password="secret")
        return to.render_as_string(hide_password=False)

    yield login
    with owner.connect() as connection:
        for group in groups.values():
            connection.execute(text(f"DROP ROLE {group}_login"))
        for group in reversed(groups.values()):
            connection.execute(text(f"DROP OWNED BY {group}"))
            connection.execute(text(f"DROP ROLE {group}"))
    owner.dispose()


def test_a_program_appends_and_reads_as_the_application(logins: Callable[[str], str]) -> None:
    with transaction(open_catalog(logins("app"))) as session:
        register_party(session, Party(party_id="new", name="New"), now=NOW)

    with reading(open_catalog(logins("app"), read_only=True)) as session:
        assert "new" in {one.party_id for one in parties(session)}
        verify = verify_log(session)
        assert [one for one in verify.broken if not one.startswith("personal")] == []


def test_the_server_refuses_both_roles_to_change_any_record(logins: Callable[[str], str]) -> None:
    engine = create_engine(logins("app"))
    columns = {
        name: inspect(engine).get_columns(name)[0]["name"]
        for name in inspect(engine).get_table_names()
        if not name.startswith("ops_")
    }
    engine.dispose()
    assert len(columns) > 20

    allowed = [
        (role, words)
        for role in ("app", "erase")
        for name, column in columns.items()
        for words in (f"UPDATE {name} SET {column} = {column}", f"DELETE FROM {name}",
                      f"TRUNCATE {name}")
        if "permission denied" not in _said(logins(role), words)
    ]  # fmt: skip

    assert allowed == [("erase", "DELETE FROM personal")]


def test_the_server_refuses_the_ways_round(logins: Callable[[str], str]) -> None:
    ways = (
        "ALTER TABLE facts DISABLE TRIGGER ALL",
        "DROP TRIGGER facts_append_only ON facts",
        "DROP TABLE facts",
        "SET session_replication_role = replica",
        "UPDATE alembic_version SET version_num = '0001'",
        "CREATE TABLE ops_mine (a int)",
    )

    for words in ways:
        said = _said(logins("app"), words)
        assert "permission denied" in said or "must be owner" in said, words


def test_only_the_erasing_role_deletes_personal_rows(logins: Callable[[str], str]) -> None:
    assert "permission denied" in _said(logins("app"), "DELETE FROM personal")
    assert "permission denied" in _said(logins("erase"), "UPDATE personal SET text = ''")
    assert _said(logins("erase"), "DELETE FROM personal") == ""
    assert _said(logins("app"), "DELETE FROM ops_ledger") == ""


def test_what_a_role_may_not_do_is_a_typed_error(logins: Callable[[str], str]) -> None:
    with (
        pytest.raises(CatalogUnreachable, match="permission denied") as caught,
        transaction(open_catalog(logins("app"))) as session,
    ):
        session.execute(text("DELETE FROM facts"))
    assert caught.value.code == "CATALOG_FORBIDDEN"
    with pytest.raises(CatalogUnreachable, match="admin option") as granted:
        grant_roles(logins("app"))
    assert granted.value.code == "CATALOG_FORBIDDEN"
    assert "secret" not in str(granted.value)


def test_granting_again_changes_nothing_and_the_words_can_be_read_first(
    logins: Callable[[str], str], postgres: str
) -> None:
    assert has_roles(postgres)
    before = roles_sql(postgres)

    grant_roles(postgres)

    assert roles_sql(postgres) == before
    assert not [one for one in before if one.startswith("CREATE")]
    assert _said(logins("erase"), "DELETE FROM personal") == ""


def test_a_file_has_no_roles(sqlite: str) -> None:
    assert not has_roles(sqlite)
    with pytest.raises(CatalogError, match="no roles") as caught:
        grant_roles(sqlite)
    assert caught.value.code == "NO_ROLES"


def test_a_name_that_the_server_would_cut_off_is_refused() -> None:
    with pytest.raises(CatalogError, match="68 bytes") as caught:
        roles_sql(f"postgresql+psycopg://x@127.0.0.1:1/{'d' * 62}")
    assert caught.value.code == "ROLE_NAME"


def _said(url: str, words: str) -> str:
    """What the server answers to a statement, "" when it does it."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text(words))
    except DBAPIError as error:
        return str(error.orig)
    finally:
        engine.dispose()
    return ""
