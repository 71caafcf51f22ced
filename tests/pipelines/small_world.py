"""A small installation with real parts: keys, catalog, lake and sources with a few seconds each.

Sources are written the way ingest and cut leave them, straight into the lake and the catalog, so
that tests of the later stations need no reader and no Ray.
"""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cache

import av
import numpy as np
import pyarrow as pa

from catalog import clips, files, parties, requests, rights, sources
from catalog.engine import open_catalog, reading, transaction
from catalog.parties import Party
from pipelines.keys import make_keys
from pipelines.lake.datasets import create_dataset, dataset_uri
from pipelines.lake.reading import read_file
from pipelines.lake.schemas import MEDIA, blob_column
from pipelines.lake.sealing import commit_set
from pipelines.lake.writing import write_fragments
from pipelines.records import (
    CLIPS,
    STREAMS,
    Clip,
    Clock,
    Episode,
    PacketIndex,
    Stream,
    clip_rows,
    content_id,
    stream_rows,
)
from pipelines.revocations import publish_revocations
from pipelines.settings import Settings
from tests.builders import ALL_SETTLED
from tests.catalogs import new_catalog

NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
SECOND = 1_000_000_000
CLIP_NS = 2 * SECOND
FPS = 10
ENCODE = {"g": "10", "bf": "2", "x264-params": "cpu-independent=1"}  # the same bytes each time
MIT = {
    "layer": "copyright",
    "basis": [{"type": "public_licence", "id": "MIT", "grade": "E2"}],
    "signals": [],
}
NON_COMMERCIAL = {
    "layer": "copyright",
    "basis": [{"type": "public_licence", "id": "CC-BY-NC-4.0", "grade": "E2"}],
    "signals": [],
}
COMMERCIAL = {
    "action": "train_generative",
    "commercial": True,
    "release": "api",
    "model_kind": "world_model",
    "territory": ["WORLD"],
    "streams": ["video", "action", "state"],
}


def contract(start="2026-01-01", end="2036-01-01"):
    """The layer of an agreement that permits the commercial request while it lasts."""
    basis = {
        "type": "contract",
        "grade": "E1",
        "valid": [start, end],
        "actions": ["ingest", "annotate", "train_generative"],
        "territory": ["WORLD"],
        "sublicense": False,
    }
    return {"layer": "copyright", "basis": [basis], "signals": []}


def make_world(folder, now=NOW, *, catalog_url="", operator="World Lab"):
    """An initialised home in `folder`, with its operator and the commercial request on record."""
    settings = Settings(
        home=folder,
        catalog_url=catalog_url or f"sqlite:///{folder}/catalog.sqlite",
        lake=str(folder / "lake"),
    )
    new_catalog(settings.catalog_url)
    make_keys(settings)
    publish_revocations(settings, now=now)
    with writing(settings) as session:
        requests.save_request(session, "commercial", COMMERCIAL, now=now)
        if operator:
            parties.register_party(session, Party(party_id="operator", name=operator), now=now)
    return settings


def writing(settings):
    return transaction(open_catalog(settings.catalog_url))


def looking(settings):
    return reading(open_catalog(settings.catalog_url, read_only=True))


def add_source(settings, name, layers, **how):
    """Register a source with its rights and `seconds` of video, actions and states in the lake.

    Equal `seconds` and `seed` are equal bytes: sources that hold such are cleared together.
    """
    seconds, seed = how.get("seconds", 6), how.get("seed", 1)
    now, cameras = how.get("now", NOW), how.get("cameras", ("video",))
    if not how.get("video", True):
        cameras = ()
    streams = how.get("streams", {**dict.fromkeys(cameras or ("video",), "video"), "pad": "action"})
    episodes = [
        _episode(settings, name, number, seconds=seconds, seed=seed + number, cameras=cameras)
        for number in range(how.get("episodes", 1))
    ]
    with writing(settings) as session:
        sources.register_source(
            session,
            sources.Source(
                source_id=name,
                uri=f"/recordings/{name}",
                modality="game",
                title=f"{name} (fictional)",
                attribution=f"Copyright {name} (fictional)",
                streams=streams,
                config={"action": ["pad.key_*"], "state": ["pad.pos.*"]},
            ),
            now=now,
        )
        for layer in layers:
            rights.attach_layer(session, name, layer, now=now)
        if how.get("settled", True):
            rights.attach(session, name, "settled", ALL_SETTLED, now=now)
        _record(session, name, episodes, now=now)
    return episodes


def _record(session, name, episodes, *, now):
    entries = [
        files.FileEntry(
            source_id=name,
            path=f"take_{number}.mp4" if at == 0 else f"take_{number}_{at}.mp4",
            sha256=file_id,
            size_bytes=1,
            status="ingested",
        )
        for number, one in enumerate(episodes)
        for at, file_id in enumerate(one.files)
    ]
    files.record_files(session, entries, run_id="test", now=now)
    rows = [
        clips.EpisodeRow(
            episode_id=one.episode_id,
            source_id=name,
            files=one.files,
            streams=tuple(stream.doc() for stream in one.streams),
            start_ns=one.start_ns,
            end_ns=one.end_ns,
            reader=one.reader,
        )
        for one in episodes
    ]
    clips.record_episodes(session, rows, run_id="test", now=now)
    kept = [
        clips.ClipRow(
            clip_id=one.clip_id,
            source_id=name,
            episode_id=one.episode_id,
            start_ns=one.start_ns,
            end_ns=one.end_ns,
        )
        for episode in episodes
        for one in clips_of(episode)
    ]
    clips.record_clips(session, kept, run_id="test", now=now)


def clips_of(episode):
    """Two-second clips of an episode, all of one split group."""
    return [
        Clip(
            clip_id=content_id(episode.episode_id, start),
            source_id=episode.source_id,
            episode_id=episode.episode_id,
            cut_id="windows@1",
            start_ns=start,
            end_ns=start + CLIP_NS,
            streams=tuple(one.name for one in episode.streams),
            split_group=episode.episode_id,
        )
        for start in range(episode.start_ns, episode.end_ns - CLIP_NS + 1, CLIP_NS)
    ]


def _episode(settings, name, number, *, seconds, seed, cameras):
    """One film a camera; the first one's file also gives the episode its name."""
    raws = [film(seconds, seed + 50 * at) for at in range(len(cameras))]
    raws = raws or [f"{seconds} seconds, seed {seed}".encode()]
    file_ids = [hashlib.sha256(raw).hexdigest() for raw in raws]
    file_id = file_ids[0]
    films = zip(raws, file_ids, cameras, strict=False)
    shown = tuple(_film_stream(raw, one, camera) for raw, one, camera in films)
    streams = (*shown, _pad(seconds, seed, file_id))
    episode = Episode(
        episode_id=content_id(name, number, file_id),
        source_id=name,
        files=tuple(file_ids),
        reader="test@1",
        streams=streams,
        start_ns=0,
        end_ns=seconds * SECOND,
    )
    for one, raw in zip(file_ids, raws, strict=True):
        write(settings, name, "media", MEDIA, [_media_row(name, one, raw)])
    write(settings, name, "streams", STREAMS, list(stream_rows(episode, "batch")))
    write(settings, name, "clips", CLIPS, [clip_rows(clips_of(episode), "batch")])
    return episode


def write(settings, name, dataset, schema, batches):
    """Append to one of a source's datasets, without a ledger."""
    import lance

    uri = dataset_uri(settings.lake, name, dataset)
    create_dataset(uri, schema)
    written = write_fragments(uri, schema, batches)
    if lance.dataset(uri).count_rows() == 0:
        commit_set(uri, [written])
        return
    fragments = [lance.FragmentMetadata.from_json(text) for text in written.fragments]
    version = lance.dataset(uri).version
    lance.LanceDataset.commit(uri, lance.LanceOperation.Append(fragments), read_version=version)


def replace_media(settings, name, file_id, raw):
    """Put other bytes in the place of a file's in the lake."""
    import lance

    lance.dataset(dataset_uri(settings.lake, name, "media")).delete(f"file_id = '{file_id}'")
    write(settings, name, "media", MEDIA, [_media_row(name, file_id, raw)])


def damage(settings, name, episode, at=0):
    """Lose the bytes of one camera from the middle of its film on; return how to put them back."""
    file_id = episode.files[at]
    raw = read_file(dataset_uri(settings.lake, name, "media"), file_id)
    replace_media(settings, name, file_id, raw[: len(raw) // 2] + bytes(len(raw) - len(raw) // 2))
    return lambda: replace_media(settings, name, file_id, raw)


def _media_row(name, file_id, raw):
    columns = {
        "source_id": [name],
        "file_id": [file_id],
        "piece": [0],
        "offset": [0],
        "sha256": [hashlib.sha256(raw).digest()],
        "batch_id": ["batch"],
    }
    arrays = [
        blob_column([raw]) if one.name == "media" else pa.array(columns[one.name], type=one.type)
        for one in MEDIA
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=MEDIA)


@cache
def film(seconds, seed):
    """A bar that moves, so that no two pictures are equal."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=FPS, options=ENCODE)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.thread_count = 1
        for number in range(seconds * FPS):
            picture = np.full((64, 96, 3), (40 + 10 * seed) % 256, dtype=np.uint8)
            picture[:, number % 88 : number % 88 + 8] = (200, 60, 60)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return target.getvalue()


def _film_stream(raw, file_id, camera):
    with av.open(io.BytesIO(raw), "r") as source:
        video = source.streams.video[0]
        packets = [one for one in source.demux(video) if one.size]
        pts = np.array(
            [int((one.pts or 0) * (one.time_base or 0) * SECOND) for one in packets], dtype=np.int64
        )
        index = PacketIndex(
            file_id=file_id,
            offset=np.array([one.pos for one in packets], dtype=np.int64),
            size=np.array([one.size for one in packets], dtype=np.int32),
            key=np.array([one.is_keyframe for one in packets]),
            pts_ns=pts,
            extradata=video.codec_context.extradata or b"",
        )
    return Stream(
        name=camera,
        kind="video",
        clock=Clock(kind="pts", epoch="start"),
        ts_ns=np.sort(pts),
        file_id=file_id,
        index=index,
        codec="h264",
        width=96,
        height=64,
    )


def _pad(seconds, seed, file_id):
    count = seconds * FPS
    keys = (np.arange(count) * seed % 3 == 0).astype(np.float64)
    return Stream(
        name="pad",
        kind="vector",
        clock=Clock(kind="tick", epoch="start"),
        ts_ns=np.arange(count, dtype=np.int64) * (SECOND // FPS),
        file_id=file_id,
        values=np.stack([keys, np.arange(count) * 0.5, np.full(count, float(seed))], axis=1),
        channels=("key_a", "pos.x", "pos.y"),
        num_messages=count,
    )
