"""The blast radius goes through indexes: no table that grows with the corpus is read whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from catalog.closing import close
from catalog.coverage import SUBJECTS, cover_of
from catalog.covered import in_force, pieces_of
from catalog.engine import open_catalog, transaction
from catalog.mentions import named, note, of_run
from catalog.pieces import Piece
from catalog.reach import blast_radius, clip_ids, sets_behind, taking
from catalog.runs import CheckpointRow, RunRow, record_checkpoint, record_run
from catalog.training_sets import record_training_set
from tests.catalog.world import NOW, a_set, make_world

TODAY = NOW.date()
PIECES = (
    Piece(source_id="alpha"),
    Piece(source_id="beta", episode_id="beta-episode", start_ns=0, end_ns=2),
)
LARGE = ("clips", "shards", "shard_clips", "runs", "checkpoints", "facts", "fact_ends", "files",
         "episodes", "sources", "revocations", "ops_mentions")  # fmt: skip


def test_every_step_goes_through_an_index(url: str) -> None:
    with transaction(open_catalog(url)) as session:
        make_world(session)
        revoke(session, "source", "alpha")
        revoke(session, "span", "beta-episode", span=(0, 1))
    with transaction(open_catalog(url)) as session, _heard(session) as said:
        if session.get_bind().dialect.name == "postgresql":  # small tables are read whole there
            session.execute(text("SET LOCAL enable_seqscan = off"))
        blast_radius(session, PIECES)
        clip_ids(session, PIECES)
        for kind, name in (("source", "alpha"), ("instrument", "paper-alpha")):
            cover_of(session, kind, name, at=NOW.date())
        taking(session, sets_behind(session, "run-1"), NOW.date(), *SUBJECTS)
        event.remove(session.get_bind(), "before_cursor_execute", said.hear)
        read = [line for one in said.statements for line in _plan(session, *one)]

    assert said.statements
    whole = [line for line in read if any(_reads_whole(line, name) for name in LARGE)]
    assert whole == []


@pytest.mark.parametrize("parent", ["checkpoint-1", "checkpoint-2"])
def test_a_run_that_began_from_an_affected_checkpoint_is_affected(
    each_session: Session, parent: str
) -> None:
    make_world(each_session)
    record_training_set(each_session, a_set(3, ("gamma",)), run_id="export", now=NOW)
    run = RunRow(
        run_id="child", set_id="drive@3", manifest_digest="", config={},
        record={"parent": parent}, seed=1, status="done",
    )  # fmt: skip
    record_run(each_session, run, now=NOW)
    record_run(each_session, run, now=NOW)
    point = CheckpointRow(checkpoint_id="c-3", run_id="child", step=1, path="", digest="")
    record_checkpoint(each_session, point, now=NOW)

    reach = blast_radius(each_session, [Piece(source_id="alpha")])

    below = parent == "checkpoint-1"
    assert sets_behind(each_session, "child") == (f"drive@{1 if below else 2}", "drive@3")
    assert reach.children == (("child",) if below else ())
    assert reach.last_clean_checkpoint == ("checkpoint-2" if below else "c-3")


def test_what_took_of_a_set_is_what_the_set_is_reached_by(each_session: Session) -> None:
    make_world(each_session)
    revoke(each_session, "source", "alpha")
    revoke(each_session, "file", "beta/a.mp4")
    revoke(each_session, "span", "beta-episode", span=(1, 2))
    revoke(each_session, "span", "beta-episode", span=(2, 3))  # of a clip that lies in no set
    revoke(each_session, "source", "beta", at=date(2030, 1, 1))

    for day, numbers in ((NOW.date(), (3, 2)), (date(2030, 1, 1), (4, 3))):
        for set_id, number in zip(("drive@1", "drive@2"), numbers, strict=True):
            found = taking(each_session, [set_id], day, *SUBJECTS)
            reached = [
                one for one in in_force(each_session, day, *SUBJECTS)
                if set_id in blast_radius(each_session, pieces_of(one)).training_sets
            ]  # fmt: skip
            assert list(found) == reached
            assert len(found) == number


def revoke(
    session: Session,
    kind: str,
    wanted: str,
    *,
    span: tuple[int, int] | None = None,
    at: date = TODAY,
) -> None:
    """Close what a revocation covers, by an order."""
    cover = cover_of(session, kind, wanted, at=at, span=span)
    close(session, cover, reason="ordered", at=at, now=NOW)


def test_a_mention_is_noted_once(each_session: Session) -> None:
    rows = [*of_run({"run_id": "r", "record": {"parent": "p" * 64}})] * 2
    note(each_session, rows)
    note(each_session, rows)

    assert [one.subject for one in named(each_session, "parent", ["p" * 32])] == ["r"]


class _Heard:
    """The statements that were sent, with their parameters."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, Any]] = []

    def hear(self, _connection, _cursor, statement, parameters, _context, _many) -> None:
        if statement.lstrip().startswith("SELECT"):
            self.statements.append((statement, parameters))


@contextmanager
def _heard(session: Session) -> Iterator[_Heard]:
    said = _Heard()
    event.listen(session.get_bind(), "before_cursor_execute", said.hear)
    yield said


def _plan(session: Session, statement: str, parameters: Any) -> list[str]:
    sqlite = session.get_bind().dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
    found = session.connection().exec_driver_sql(explain + statement, parameters)
    return [str(row[-1]) for row in found]


def _reads_whole(line: str, table: str) -> bool:
    """SQLite says SCAN of a table that it reads whole, PostgreSQL Seq Scan."""
    words = line.split()
    if "SCAN" in words:
        return words[words.index("SCAN") + 1] == table and "LIMIT" not in line
    return f"Seq Scan on {table} " in f"{line} "
