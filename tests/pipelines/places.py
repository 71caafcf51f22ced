"""A home with a catalog, a source folder with recordings of a few kinds, made in milliseconds."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import av
import numpy as np

from catalog.engine import open_catalog, transaction
from catalog.sources import Source, register_source
from pipelines.settings import Settings
from tests.catalogs import new_catalog

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
EVENTS_CONFIG = {"time_field": "t_ns", "time_unit": "ns", "action": ["key"], "state": ["x"]}


def a_home(folder: Path) -> Settings:
    """Settings of a fresh home below `folder`, its catalog migrated."""
    home = folder / "home"
    settings = Settings(
        home=home, catalog_url=f"sqlite:///{home}/catalog.sqlite", lake=str(home / "lake")
    )
    new_catalog(settings.catalog_url)
    return settings


def a_source(settings: Settings, folder: Path, *, source_id: str = "demo", **changes) -> Path:
    """Register `folder` as a source and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    described = Source(
        source_id=source_id,
        uri=str(folder),
        modality="game",
        streams={"video": "video", "action": "action", "state": "state"},
        **{"config": EVENTS_CONFIG, **changes},
    )
    with transaction(open_catalog(settings.catalog_url)) as session:
        register_source(session, described, now=NOW)
    return folder


def events(path: Path, *, rows: int = 50, seed: int = 0) -> Path:
    """Write a log of `rows` lines."""
    lines = [
        json.dumps({"t_ns": 1_000_000 * (k + 1), "key": (k + seed) % 5, "x": seed + k / 7})
        for k in range(rows)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def film(path: Path, *, frames: int = 12, seed: int = 0) -> Path:
    """Write a small mp4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_filmed(frames, seed))
    return path


@cache
def _filmed(frames: int, seed: int) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for k in range(frames):
            picture = np.full((64, 64, 3), (seed * 31 + k * 17) % 256, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return target.getvalue()
