"""Whether a source stands as the last ingest left it, so that a run with nothing to do is short.

In: a source. Out: a `Standing`: a digest over the file system's record of every path, and one over
all else that an ingest goes by (the code, the packages installed, the source's description, its
records, its lake). A run that left nothing to do keeps both beside its figures; the next one that
finds them the same opens no file and no dataset. Nothing is kept where a file may have changed
unseen, or will be tried again.
"""

from __future__ import annotations

import hashlib
import json
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from catalog.engine import open_catalog, reading
from catalog.quarantine import quarantined
from catalog.sources import marks
from catalog.sources import source as source_of
from pipelines import storage
from pipelines.settings import Settings
from pipelines.storage import Listed

CODE = [Path(__file__).parents[2] / name for name in ("catalog", "licensing", "pipelines")]
DATASETS = ("media", "streams", "clips", "frames")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a source stands; `is_settled` when no path of it needs a second look."""

    source_id: str
    files: str
    rest: str
    is_settled: bool


def standing(source_id: str, settings: Settings, *, decode: bool, now: datetime) -> Standing:
    """Look at a source, and at what an ingest of it goes by, without opening any of its files."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        source = source_of(session, source_id)
        recorded = marks(session, source.source_id)
        again = any(one.retryable for one in quarantined(session, source.source_id))
    listed = _listed(source.uri)
    lake = storage.join(settings.lake, source.source_id)
    versions = [_listed(storage.join(lake, f"{name}.lance", "_versions")) for name in DATASETS]
    return Standing(
        source_id=source.source_id,
        files=_digest([(one.path, one.mark, one.problem) for one in listed]),
        rest=_digest(
            [
                *(settings.catalog_url, lake, decode, recorded),
                [[one.path for one in each] for each in versions],
                [[(one.path, one.mark) for one in _modules(each)] for each in CODE],
                sorted(one.name for one in Path(sysconfig.get_path("purelib")).glob("*-info")),
            ]
        ),
        is_settled=not again and all(_is_settled(one, now) for one in listed),
    )


def recalled(settings: Settings, found: Standing) -> dict[str, Any] | None:
    """Return the figures of the run that left the source as it stands, if there was one."""
    try:
        kept = json.loads(_place(settings, found).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(kept, dict) or (kept["files"], kept["rest"]) != (found.files, found.rest):
        return None
    return dict(kept["figures"])


def keep(
    settings: Settings, before: Standing, after: Standing, *, figures: Mapping[str, object]
) -> None:
    """Keep the figures of a run, unless the source changed meanwhile or needs a second look."""
    if before.files == after.files and before.is_settled and after.is_settled:
        told = {"files": after.files, "rest": after.rest, "figures": dict(figures)}
        storage.write_bytes(str(_place(settings, after)), json.dumps(told).encode())


def _place(settings: Settings, found: Standing) -> Path:
    return settings.home / "standing" / f"{found.source_id}.json"


def _modules(package: Path) -> list[Listed]:
    return [one for one in _listed(str(package)) if one.path.endswith((".py", ".toml"))]


def _listed(uri: str) -> tuple[Listed, ...]:
    return tuple(storage.list_files(uri)) if storage.exists(uri) else ()


def _is_settled(one: Listed, now: datetime) -> bool:
    if one.problem:
        return one.problem == "UNSAFE_CONTENT"
    return one.mark is not None and one.mark.is_quiet(now)


def _digest(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
