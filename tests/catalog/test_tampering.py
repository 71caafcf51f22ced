"""Any row of any table, edited, deleted, moved or slipped in with a database's own shell, is named.

SQLite is changed with the sqlite3 module, a table at a time. PostgreSQL is changed with psql, every
table at once. Both skip what the database itself refuses: triggers are dropped or not asked.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, String, Table, Text

from catalog import log, schema
from catalog.audit import EVIDENCE, verify_log
from catalog.engine import open_catalog, reading, transaction
from catalog.errors import LogBroken
from catalog.heads import Head, record_head
from catalog.parties import Party, register_party
from tests.catalog.world import NOW, make_world
from tests.catalogs import new_catalog

LOG = (schema.log_leaves, schema.log_nodes)
TABLES = {one.name: one for one in (*EVIDENCE, *LOG)}
ACTS = ("edit", "delete", "reorder", "insert")
OTHERS: dict[str, dict[str, Any]] = {  # a record of each table that the small world leaves empty
    "quarantine": {"source_id": "alpha", "path": "b.mp4", "state": "held"},
    "fact_ends": {"fact_id": "x", "source_id": "alpha", "kind": "basis", "ends_at": "2027-01-01"},
    "requests": {"name": "commercial", "version": 1, "digest": "asked"},
    "clearances": {"set_id": "drive@1", "statement_digest": "signed"},
    "revocations": {"revocation_id": "r1", "subject_kind": "source", "subject_id": "alpha"},
    "erasures": {
        "erasure_id": "e1",
        "source_id": "gone",
        "subject_kind": "source",
        "subject_id": "gone",
    },
    "answers": {"field": "rai.dataBiases", "text": "none known"},
    "acts": {"act": "attach", "actor": "jo", "subject": "alpha"},
    "commits": {"batch_id": "b1", "dataset": "clips", "source_id": "alpha", "version": 2},
}


def fill(url: str) -> None:
    """A row in every table."""
    new_catalog(url)
    with transaction(open_catalog(url)) as session:
        register_party(session, Party(party_id="acme", name="Acme"), now=NOW)
        make_world(session)
        for name, doc in OTHERS.items():
            log.record(session, TABLES[name], doc, key=f"{name}-key", now=NOW)
        first = session.execute(schema.log_leaves.select().where(schema.log_leaves.c[0] == 0)).one()
        record_head(session, Head(size=1, root=first.leaf_hash, note="note"), now=NOW)
    assert judged(url) == ()


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filled") / "catalog.sqlite"
    fill(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in found.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
    return path


def judged(url: str) -> tuple[str, ...]:
    with reading(open_catalog(url, read_only=True)) as session:
        return verify_log(session).broken


def forgery(table: Table, act: str) -> str:
    """What does this to the first row of the table, in words of both databases."""
    place = table.c[0].name
    first = f"{place} = (SELECT min({place}) FROM {table.name})"
    if act == "delete":
        return f"DELETE FROM {table.name} WHERE {first};"
    if act == "insert":
        names = ", ".join(one.name for one in table.c)
        said = ", ".join(_changed(one) for one in table.c)
        return (
            f"INSERT INTO {table.name} ({names}) SELECT {said} FROM {table.name} "
            f"WHERE {first} LIMIT 1;"
        )
    if act == "edit":
        name = [one.name for one in table.c if isinstance(one.type, (String, Text))][-1]
        name = "doc" if "doc" in table.c else name
        return f"UPDATE {table.name} SET {name} = {name} || ' ' WHERE {first};"
    last = f"(SELECT max({place}) FROM {table.name} WHERE {place} < 900000)"
    return (  # the first takes the place of the last, which takes the next but one hundred
        f"UPDATE {table.name} SET {place} = {place} + 900000 WHERE {first};"
        f"UPDATE {table.name} SET {place} = {place} + 100 WHERE {place} = {last};"
        f"UPDATE {table.name} SET {place} = {place} - 899900 WHERE {place} >= 900000;"
    )


def _changed(column: Column[Any]) -> str:
    name = column.name
    if name == column.table.c[0].name:
        return f"{name} + 1000"
    free = isinstance(column.type, String) and column.type.length is None
    return f"{name} || 'x'" if free and name not in {"doc", "leaf_hash", "layer_ids"} else name


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("name", TABLES)
def test_a_row_that_was_changed_with_the_sqlite3_module_is_named(
    filled: Path, tmp_path: Path, name: str, act: str
) -> None:
    path = Path(shutil.copy(filled, tmp_path / "catalog.sqlite"))
    with closing(sqlite3.connect(path)) as connection:
        place = TABLES[name].c[0].name
        key = connection.execute(
            f"SELECT key FROM log_leaves WHERE leaf_index = (SELECT min({place}) FROM {name})"
        ).fetchone()[0]
        connection.executescript(forgery(TABLES[name], act))

    broken = judged(f"sqlite:///{path}")

    named = [one for one in broken if one.startswith(f"{name} ")]
    assert named, broken
    if act in {"edit", "delete"} and TABLES[name] not in LOG:
        assert named[0].startswith(f"{name} {key}: ")


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("names", [(*tuple(TABLES)[:-2], "log_nodes"), ("log_leaves",)], ids=len)
def test_rows_that_were_changed_with_psql_are_named(
    postgres: str, act: str, names: tuple[str, ...]
) -> None:
    if shutil.which("psql") is None:
        pytest.skip("no psql")
    fill(postgres)
    script = "SET session_replication_role = replica;" + "".join(
        forgery(TABLES[one], act) for one in names
    )
    address = postgres.replace("postgresql+psycopg", "postgresql")
    words = ["psql", "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", address]
    subprocess.run(words, input=script, text=True, check=True)

    broken = judged(postgres)

    assert [one for one in names if not any(said.startswith(f"{one} ") for said in broken)] == []


@pytest.mark.parametrize("name", TABLES)
def test_bytes_in_the_place_of_any_text_are_found(filled: Path, tmp_path: Path, name: str) -> None:
    texts = [one.name for one in TABLES[name].c if isinstance(one.type, String)]
    for column in texts:
        path = Path(shutil.copy(filled, tmp_path / "catalog.sqlite"))
        with closing(sqlite3.connect(path)) as connection:
            place = TABLES[name].c[0].name
            first = f"{place} = (SELECT min({place}) FROM {name})"
            connection.execute(f"UPDATE OR IGNORE {name} SET {column} = x'00' WHERE {first}")
            connection.commit()

        assert any(one.startswith(f"{name} ") for one in judged(f"sqlite:///{path}")), column


VALUES = st.one_of(
    st.none(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(), st.binary()
)


@settings(max_examples=60)
@given(name=st.sampled_from(sorted(TABLES)), value=VALUES, raw=st.booleans(), data=st.data())
def test_any_value_in_any_column_is_found_and_never_crashes(
    filled: Path,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    value: object,
    raw: bool,
    data: st.DataObject,
) -> None:
    path = Path(shutil.copy(filled, tmp_path_factory.mktemp("garbage") / "catalog.sqlite"))
    column = data.draw(st.sampled_from(TABLES[name].c.keys()))
    given_as = "CAST(? AS TEXT)" if raw else "?"
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        row = f"LIMIT 1 OFFSET {data.draw(st.integers(0, rows - 1))}"
        keys = ", ".join(one.name for one in TABLES[name].primary_key)
        where = f"({keys}) IN (SELECT {keys} FROM {name} {row})"
        read = f"SELECT typeof({column}), hex({column}) FROM {name} ORDER BY {keys}"
        before = connection.execute(read).fetchall()
        try:
            words = f"UPDATE {name} SET {column} = {given_as} WHERE {where}"
            connection.execute(words, (value,))
        except sqlite3.IntegrityError:
            return
        connection.commit()
        if connection.execute(read).fetchall() == before:
            return

    try:
        broken = judged(f"sqlite:///{path}")
    except LogBroken as error:  # a text that is none
        broken = (f"{error.subject} ",)

    assert broken
