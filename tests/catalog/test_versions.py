"""The ledger: one row per batch and dataset, and a leaf when the batch was verified."""

from dataclasses import replace

from sqlalchemy.orm import Session

from catalog.audit import verify_log
from catalog.versions import STATES, LedgerRow, batch, batches_of, left_open, open_batches, save
from tests.catalog.world import NOW

ROW = LedgerRow(
    batch_id="b", dataset="media", source_id="s", state="planned", run_id="r",
    fragments=("{}",), files={"files": [["a", 1]]}, rows=3,
)  # fmt: skip


def test_a_batch_moves_on_and_is_logged_once_when_verified(each_session: Session) -> None:
    for state in (*STATES, "verified"):
        save(each_session, replace(ROW, state=state, version=4), now=NOW)

    report = verify_log(each_session)
    assert (report.size, report.broken) == (1, ())
    assert batch(each_session, "b", "media") == replace(ROW, state="verified", version=4)


def test_open_batches_are_those_not_verified(session: Session) -> None:
    other = replace(ROW, dataset="streams", state="committed")
    save(session, replace(ROW, state="verified"), now=NOW)
    save(session, other, now=NOW)

    assert open_batches(session, "s") == (other,)
    assert len(batches_of(session, "s")) == 2
    assert batches_of(session, "t") == open_batches(session, "t") == ()
    assert batch(session, "b", "clips") is None


def test_what_a_source_is_left_with_is_told_and_changes_with_it(each_session: Session) -> None:
    save(each_session, replace(ROW, source_id="done", batch_id="a", state="verified"), now=NOW)
    save(each_session, ROW, now=NOW)
    planned = left_open(each_session)
    save(each_session, replace(ROW, state="written"), now=NOW)
    written = left_open(each_session)

    assert planned.keys() == written.keys() == {"s"}
    assert planned != written
