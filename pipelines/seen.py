"""Seen: which windows a checkpoint was trained on, recomputed and never guessed.

In: a checkpoint on record. Out: one line a window in the order of delivery. The order is a formula
of the sealed record; where the replay does not meet the sealed chain, it is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from catalog import runs
from catalog.engine import open_catalog, reading
from pipelines.export import locate_set
from pipelines.settings import Settings
from pipelines.storage import join, read_bytes
from training.loader import read_index
from training.loop.audit import seen


def windows_seen(checkpoint_id: str, settings: Settings) -> Iterator[dict[str, Any]]:
    """Yield `step, slot, clip_id, source, start_frame, num_frames` of every window delivered.

    Raises:
        NotFound: UNKNOWN_ID.
        CheckpointError: CHECKPOINT_OTHER_SET when the replay is not what was sealed.
    """
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        point = runs.checkpoint(session, checkpoint_id)
        run = runs.run(session, point.run_id)
    place = locate_set(run.set_id, settings)
    manifest = json.loads(read_bytes(join(place, "manifest.json")))
    index = read_index(join(place, manifest["data"]["path"]), manifest["data"]["version"])
    yield from seen(index, manifest, settings.runs_dir / point.path)
