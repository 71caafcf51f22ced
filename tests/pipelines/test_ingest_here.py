"""In this process one bundle is stored while the next is read; whoever leaves stops both."""

from __future__ import annotations

import hashlib
from contextlib import closing
from threading import Event

import pytest

from pipelines.errors import LakeError
from pipelines.ingest import here
from pipelines.ingest.here import work_here
from pipelines.ingest.planning import Bundle, Place
from pipelines.ingest.work import Worked, read_bundle, store_bundle, work_bundle
from pipelines.lake.datasets import create_dataset, dataset_uri
from pipelines.lake.schemas import MEDIA
from pipelines.lake.writing import Written
from pipelines.measures import FRAMES
from pipelines.readers.reading import Group
from pipelines.records import STREAMS, Found
from tests.pipelines.places import EVENTS_CONFIG, events

SECONDS = 20.0
SCHEMAS = {"media": MEDIA, "streams": STREAMS, "frames": FRAMES}
NOTHING = Worked(media=Written(), streams=Written(), frames=Written(), outcomes=())


@pytest.fixture
def place(tmp_path):
    uris = {name: dataset_uri(f"{tmp_path}/lake", "demo", name) for name in SCHEMAS}
    for name, schema in SCHEMAS.items():
        create_dataset(uris[name], schema)
    return Place(
        root=tmp_path / "source",
        scratch=tmp_path / "scratch",
        config=EVENTS_CONFIG,
        batch_id="0123456789",
        **uris,
    )


def bundles(place, number=3):
    return [bundle(place, f"{each}.jsonl", seed=each) for each in range(number)]


def bundle(place, name, *, seed):
    path = events(place.root / name, seed=seed)
    raw = path.read_bytes()
    found = Found(path=name, sha256=hashlib.sha256(raw).hexdigest(), size_bytes=len(raw))
    return Bundle(groups=(Group(source_id="demo", reader="events", files=(found,)),))


def test_it_gives_what_a_worker_gives_in_the_order_asked(place):
    asked = bundles(place)

    done = list(work_here(place, asked))

    assert [one.item for one in done] == asked
    for one in done:
        own = work_bundle(place, one.item)
        assert one.value
        assert (one.value.outcomes, one.value.media.keys) == (own.outcomes, own.media.keys)
        assert one.value.streams.keys == own.streams.keys
    assert list(place.scratch.iterdir()) == []


def test_the_next_bundle_is_read_while_one_is_stored(place, monkeypatch):
    second_is_read = Event()
    first, second, _ = asked = bundles(place)

    def reading(place, one):
        if one is second:
            second_is_read.set()
        return read_bundle(place, one)

    def storing(place, one, read, *, stop):
        if one is first:
            assert second_is_read.wait(SECONDS), "the second is read only once the first is stored"
        return store_bundle(place, one, read, stop=stop)

    monkeypatch.setattr(here, "read_bundle", reading)
    monkeypatch.setattr(here, "store_bundle", storing)
    assert [one.error for one in work_here(place, asked)] == [None] * 3


def test_what_is_raised_is_the_outcome_of_its_bundle(place, monkeypatch):
    first, second, third = asked = bundles(place)

    def reading(place, one):
        if one is second:
            raise ValueError("as it is read")
        return read_bundle(place, one)

    def storing(place, one, read, *, stop):
        if one is first:
            raise LakeError("as it is stored")
        return store_bundle(place, one, read, stop=stop)

    monkeypatch.setattr(here, "read_bundle", reading)
    monkeypatch.setattr(here, "store_bundle", storing)
    done = list(work_here(place, asked))
    assert [str(one.error) for one in done] == ["as it is stored", "as it is read", "None"]
    assert [one.item for one in done if one.value] == [third]


def test_leaving_the_loop_ends_what_is_being_stored(place, monkeypatch):
    asked, seen = bundles(place), list[Event]()

    def storing(_place, one, _read, *, stop):
        seen.append(stop)
        if one is not asked[0]:
            assert stop.wait(SECONDS), "nobody says stop"
        return NOTHING

    monkeypatch.setattr(here, "store_bundle", storing)
    with closing(work_here(place, asked)) as outcomes:
        assert next(outcomes).value is NOTHING
    assert len(seen) == 2


def test_an_interrupt_while_the_next_is_read_ends_what_is_being_stored(place, monkeypatch):
    _, second, _ = asked = bundles(place)
    stopped = list[bool]()

    def reading(place, one):
        if one is second:
            raise KeyboardInterrupt
        return read_bundle(place, one)

    def storing(_place, _one, _read, *, stop):
        stopped.append(stop.wait(SECONDS))

    monkeypatch.setattr(here, "read_bundle", reading)
    monkeypatch.setattr(here, "store_bundle", storing)
    with pytest.raises(KeyboardInterrupt):
        list(work_here(place, asked))
    assert stopped == [True]
