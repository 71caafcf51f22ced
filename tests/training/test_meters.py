"""What a run says of itself while it runs: figures a step, event files, a picture of its loss."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from tests.training.conftest import small
from training.loader import Asked, Feed, shapes_of, windows_in
from training.loop import Job, train
from training.loop.board import crc32c
from training.loop.log import METRICS, lines
from training.loop.meters import meter_of, peak_of
from training.loop.plot import PLOT, write_plot
from training.model.flops import encoder_flops, model_flops
from training.model.world import world_of


def event_type():
    """The part of TensorBoard's event message that we write, for a reader that is not ours."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="event.proto", package="t", syntax="proto3")
    for name, fields in {
        "Value": [("tag", 1, field.TYPE_STRING), ("simple_value", 2, field.TYPE_FLOAT)],
        "Summary": [("value", 1, "Value")],
        "Event": [
            ("wall_time", 1, field.TYPE_DOUBLE),
            ("step", 2, field.TYPE_INT64),
            ("file_version", 3, field.TYPE_STRING),
            ("summary", 5, "Summary"),
        ],
    }.items():
        message = file.message_type.add(name=name)
        for one, number, kind in fields:
            added = message.field.add(name=one, number=number, label=field.LABEL_OPTIONAL)
            if isinstance(kind, str):
                added.type, added.type_name = field.TYPE_MESSAGE, f".t.{kind}"
                added.label = field.LABEL_REPEATED if kind == "Value" else field.LABEL_OPTIONAL
            else:
                added.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Event"))


def unmasked(crc):
    turned = (crc - 0xA282EAD8) & 0xFFFFFFFF
    return ((turned >> 17) | (turned << 15)) & 0xFFFFFFFF


def events_in(path):
    raw, kind = path.read_bytes(), event_type()
    while raw:
        (size,) = struct.unpack("<Q", raw[:8])
        body = raw[12 : 12 + size]
        sums = struct.unpack("<I", raw[8:12]) + struct.unpack("<I", raw[12 + size : 16 + size])
        assert [unmasked(one) for one in sums] == [crc32c(raw[:8]), crc32c(body)]
        yield kind.FromString(body)
        raw = raw[16 + size :]


def test_the_checksum_is_that_of_castagnoli():
    assert crc32c(b"123456789") == 0xE3069283


def test_a_run_leaves_figures_event_files_and_a_picture(cleared, watch, tmp_path):
    job = Job(config=small(), cleared=cleared, folder=tmp_path, began_s=1_795_780_800.0)
    train(job, watch=watch)
    told = list(lines(tmp_path / METRICS))
    (board,) = tmp_path.glob("events.out.tfevents.*")
    first, *events = events_in(board)

    for line in told:
        assert line["frames_per_s"] > 0
        assert line["tokens_per_s"] == pytest.approx(21 * line["frames_per_s"], rel=0.01)
        assert line["rss_mb"] > 50
        assert line["mfu"] is None
        assert line["stall"] <= line["seconds"]
    assert [line["step"] for line in told if "save" in line] == [5, 9]  # after those of 4 and 8
    assert first.file_version == "brain.Event:2"
    assert [event.step for event in events] == list(range(1, 13))
    assert all(0 <= event.wall_time - 1_795_780_800.0 < 100 for event in events)
    for line, event in zip(told, events, strict=True):
        named = {one.tag: one.simple_value for one in event.summary.value}
        assert named[f"loss/{line['phase']}"] == pytest.approx(line["loss"], rel=1e-5)
        assert named["memory/rss_mb"] == line["rss_mb"]
    ElementTree.parse(tmp_path / PLOT)
    assert "dynamics" in (tmp_path / PLOT).read_text()


def test_nothing_is_drawn_before_the_first_step(tmp_path):
    assert write_plot(tmp_path) is None


def test_the_share_of_a_peak_is_known_where_the_peak_is(cleared):
    assert peak_of("NVIDIA H100 80GB HBM3") == 989e12
    assert peak_of("NVIDIA H100 PCIe") == 756e12
    assert peak_of("NVIDIA GeForce 123") is None
    model = world_of(small(), shapes_of(cleared.manifest))
    meter = meter_of(model, small(), torch.device("cpu"))
    assert meter.peak_flops is None
    config = small()
    frames = config.batch * config.window
    assert meter.flops == frames * model_flops(config, shapes_of(cleared.manifest))
    known = replace(meter, peak_flops=4 * meter.flops)
    feed = Feed(cleared, windows_in(cleared, length=config.window, stride=2))
    asked = Asked(step=0, slots=np.arange(4), windows=np.arange(4), sequence=0)
    batch = feed.read(asked)
    feed.close()

    line = known.line(0.5, batch, phase="dynamics")
    assert (line["mfu"], line["kept"]) == (0.5, 0)
    assert known.line(0.5, batch, phase="tokenizer")["mfu"] is None
    assert math.isclose(line["tokens_per_s"], 2 * meter.tokens)
    spared = known.line(0.5, replace(batch, kept=frozenset({0, 1})), phase="dynamics")
    encoder = encoder_flops(config, shapes_of(cleared.manifest)) * frames
    assert spared["kept"] == 2
    assert spared["mfu"] == pytest.approx(0.5 * (1 - encoder / 2 / meter.flops), abs=1e-4)
