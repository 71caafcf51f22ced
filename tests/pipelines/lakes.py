"""Small lakes for the tests of `pipelines.lake`: a ledger in memory, pieces of bytes."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pyarrow as pa

from pipelines.lake import commits
from pipelines.lake.ledger import Entry
from pipelines.lake.schemas import MEDIA, blob_column
from pipelines.lake.writing import write_fragments


class NotedInMemory:
    """A ledger without a database: the same steps, kept in a dict."""

    def __init__(self):
        self.entries: dict[tuple[str, str], Entry] = {}

    def entry(self, dataset, batch_id):
        return self.entries.get((dataset, batch_id))

    def plan(self, dataset, batch_id, *, base_version, run_id):  # noqa: ARG002 - as the protocol has it
        self.entries[dataset, batch_id] = Entry(
            dataset=dataset,
            batch_id=batch_id,
            state="planned",
            base_version=base_version,
            files={},
        )

    def written(self, *entries):
        for entry in entries:
            key = entry.dataset, entry.batch_id
            self.entries[key] = replace(entry, base_version=self.entries[key].base_version)

    def committed(self, dataset, batch_id, version):
        self.entries[dataset, batch_id] = self.entries[dataset, batch_id].at(version)

    def verified(self, dataset, batch_id):
        self.entries[dataset, batch_id] = replace(self.entries[dataset, batch_id], state="verified")


def pieces(file_id, data, size):
    for number, start in enumerate(range(0, len(data), size)):
        part = data[start : start + size]
        yield pa.record_batch(
            [
                pa.array(["demo"]),
                pa.array([file_id]),
                pa.array([number], pa.int32()),
                pa.array([start], pa.int64()),
                pa.array([hashlib.sha256(part).digest()], pa.binary(32)),
                pa.array(["b1"]),
                blob_column([part]),
            ],
            schema=MEDIA,
        )


def stored(uri, ledger, **files):
    commits.plan_batch(uri, ledger=ledger, batch_id="b1", run_id="r1")
    rows = (row for name, data in files.items() for row in pieces(name, data, 1_000))
    commits.note_written(uri, write_fragments(uri, MEDIA, rows), ledger=ledger, batch_id="b1")
    commits.finish_batch(uri, ledger=ledger, batch_id="b1", run_id="r1")
