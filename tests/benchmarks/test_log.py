"""The log at a million leaves, on both databases; run with `-m benchmark`.

Appends go through `catalog.log`, in transactions of 1,000 records. Seconds are printed; the bars
are asserted: 5,000 appends/s, 2 ms and 10 ms for the two proofs, 60 s for a full verification.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median

import pytest

from catalog import log, schema, tree
from catalog.audit import verify_log
from catalog.engine import open_catalog, reading, transaction
from licensing.merkle import consistency_holds, inclusion_holds

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LEAVES, BATCH, PROOFS = 1_000_000, 1_000, 200


@pytest.fixture
def url(catalog_url: str) -> str:
    """The address of a new catalog, on each database."""
    return catalog_url


@pytest.mark.benchmark
@pytest.mark.timeout(1_800)
def test_a_million_leaves(url: str) -> None:
    spent = _timed(lambda: _append(url))
    assert LEAVES / spent > 5_000, spent
    found = [f"{LEAVES / spent:,.0f} appends/s in batches of {BATCH:,}"]
    with reading(open_catalog(url, read_only=True)) as session:
        heads = _each(lambda _: tree.head(session))
        _, root = tree.head(session)

        def included(at: int) -> None:
            proof = tree.inclusion(session, at, LEAVES)
            held = schema.log_leaves.c.leaf_hash
            leaf = session.execute(
                schema.log_leaves.select().with_only_columns(held).filter_by(leaf_index=at)
            ).scalar_one()
            assert inclusion_holds(
                bytes.fromhex(leaf), index=at, size=LEAVES, proof=proof, head=bytes.fromhex(root)
            )

        def consistent(at: int) -> None:
            _, old = tree.head(session, at + 1)
            proof = tree.consistency(session, at + 1, LEAVES)
            assert consistency_holds(
                old_size=at + 1, new_size=LEAVES, proof=proof,
                old_head=bytes.fromhex(old), new_head=bytes.fromhex(root),
            )  # fmt: skip

        inclusion, consistency = _each(included), _each(consistent)
        reports = []
        full = _timed(lambda: reports.append(verify_log(session)))
    found += [
        f"head {median(heads):.2f} ms",
        f"inclusion proof {median(inclusion):.2f} ms (worst {max(inclusion):.2f})",
        f"consistency proof {median(consistency):.2f} ms (worst {max(consistency):.2f})",
        f"full verification {full:.1f} s",
    ]
    print(f"\n{url.split(':')[0]}: " + ", ".join(found))  # noqa: T201
    assert (reports[0].size, reports[0].root, reports[0].broken) == (LEAVES, root, ())
    assert median(inclusion) < 2
    assert median(consistency) < 10
    assert full < 60


def _append(url: str) -> None:
    for first in range(0, LEAVES, BATCH):
        docs = [
            (
                f"p-{number}",
                {"party_id": f"p-{number}", "name": f"Party {number}", "kind": "person"},
            )
            for number in range(first, first + BATCH)
        ]
        with transaction(open_catalog(url)) as session:
            log.record_many(session, schema.parties, docs, now=NOW + timedelta(seconds=first))


def _each(act: Callable[[int], object]) -> list[float]:
    """Milliseconds of each of `PROOFS` calls, spread over the log."""
    return [_timed(partial(act, at)) * 1_000 for at in _spread()]


def _spread() -> Iterator[int]:
    return iter(range(7, LEAVES, LEAVES // PROOFS))


def _timed(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun
