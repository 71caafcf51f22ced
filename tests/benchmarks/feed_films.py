"""The films and stores of PROTOCOL.md, made once in a folder and found there again."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.training.encodes import DEFAULT, RENDERED, Film, film, film_set, scene

SIZE = 256
SETS = {"3s": (24, 90), "60s": (4, 1_800), "10min": (1, 18_000)}  # clips, frames
ENCODES = {"rendered": RENDERED, "default": DEFAULT, "default g30": {"g": "30"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Films of one set and encode: as mp4 files and as a training set that passes the gate."""

    films: tuple[Film, ...]
    home: Path
    stores: Path
    num_frames: int


def placed(folder: Path, name: str, encode: str) -> Place:
    """Return the set, made if it is not there; the same pictures for every encode."""
    here = folder / name / encode.replace(" ", "-")
    count, num_frames = SETS[name]
    done = here / "films.pickle"
    if not done.exists():
        here.mkdir(parents=True, exist_ok=True)
        films = tuple(
            film(
                here / f"{number}.mp4",
                scene(number, num_frames, SIZE),
                ENCODES[encode],
                size=SIZE,
            )
            for number in range(count)
        )
        film_set(here, {"acorn": films}, size=SIZE)
        _lance(here / "blobs.lance", films)
        _tars(here / "films.tar", films)
        _chunks(here / "chunks", films)
        done.write_bytes(pickle.dumps(films))
    films = pickle.loads(done.read_bytes())
    return Place(
        films=tuple(replace(one, path=here / f"{at}.mp4") for at, one in enumerate(films)),
        home=here / "training_sets/films/1",
        stores=here,
        num_frames=num_frames,
    )


def _lance(path: Path, films: tuple[Film, ...]) -> None:
    import lance
    import pyarrow as pa

    schema = pa.schema([pa.field("number", pa.int64()), lance.blob_field("mp4", nullable=True)])
    columns: list[Any] = [
        pa.array(range(len(films)), pa.int64()),
        lance.blob_array([one.path.read_bytes() for one in films]),
    ]
    table = pa.Table.from_arrays(columns, schema=schema)
    lance.write_dataset(table, path, data_storage_version="2.2")


def _tars(path: Path, films: tuple[Film, ...]) -> None:
    import webdataset

    with webdataset.TarWriter(str(path)) as out:
        for number, one in enumerate(films):
            out.write({"__key__": f"{number:06}", "mp4": one.path.read_bytes()})


def _chunks(path: Path, films: tuple[Film, ...]) -> None:
    from litdata.streaming.writer import BinaryWriter

    path.mkdir()
    writer = BinaryWriter(cache_dir=str(path), chunk_bytes="64MB")
    for number, one in enumerate(films):
        writer[number] = one.path.read_bytes()
    writer.done()
    writer.merge()
