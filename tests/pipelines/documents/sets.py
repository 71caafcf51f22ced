"""Facts of a small training set: two sources of two modalities, a public licence, an agreement."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from pipelines.documents.facts import (
    ColumnFact,
    DocumentFacts,
    FileFact,
    LayerFact,
    LicenceFact,
    Organisation,
    RefusedSource,
    SignalFact,
    SourceFacts,
)

OPEN = LicenceFact(
    declared="CC BY 4.0",
    concluded="CC-BY-4.0",
    kind="public licence",
    instrument="film-licence",
    grade="E2",
    url="https://creativecommons.org/licenses/by/4.0/legalcode",
    text="The licence, in full.\n",
)
AGREED = LicenceFact(
    declared="LicenseRef-Pier-2026",
    concluded="LicenseRef-Pier-2026",
    kind="agreement",
    instrument="P-26-1",
    grade="E1",
    licensor="Pier Robotics (fictional)",
    starts=date(2026, 1, 1),
    ends=date(2035, 1, 1),
)
FILM = SourceFacts(
    source_id="film",
    title="A short film",
    modality="video",
    creator="A Film Maker (fictional)",
    credit="(c) A Film Maker (fictional)",
    link="https://example.org/film",
    acquisition="public",
    acquired=(date(2026, 3, 1), date(2026, 3, 2)),
    licences=(OPEN,),
    layers=(
        LayerFact(
            layer="copyright", stream="video", bases=("CC-BY-4.0",), verdict="permit", grade="E2"
        ),
    ),
    signals=(
        SignalFact(
            scheme="tdmrep_file",
            place=".well-known/tdmrep.json",
            value="0",
            observed=date(2026, 3, 1),
        ),
    ),
    duties=("attribute",),
    decisions=("d" * 32,),
    ends=None,
    shard=0,
    num_clips=6,
    num_rows=6,
    num_frames=360,
    num_bytes=60_000,
    hours={"video": 0.01},
    streams=("video",),
    readers=("video@4",),
)
ARM = SourceFacts(
    source_id="arm",
    title="An arm sorts blocks",
    modality="robot",
    creator="Pier Robotics (fictional)",
    credit="",
    link="",
    acquisition="licensed",
    acquired=(date(2026, 2, 10), date(2026, 4, 5)),
    licences=(AGREED,),
    layers=(
        LayerFact(
            layer="copyright",
            stream="",
            bases=("LicenseRef-Pier-2026",),
            verdict="permit",
            grade="E1",
            ends=date(2035, 1, 1),
        ),
        LayerFact(
            layer="personal_data", stream="video", bases=("consent",), verdict="permit", grade="E1"
        ),
    ),
    signals=(),
    duties=("contract-duties:P-26-1", "limit-retention"),
    decisions=("e" * 32,),
    ends=date(2035, 1, 1),
    shard=1,
    num_clips=4,
    num_rows=8,
    num_frames=480,
    num_bytes=90_000,
    hours={"video": 0.02, "action": 0.01, "state": 0.01},
    streams=("front", "joints", "wrist"),
    fictional=True,
    readers=("mcap@4",),
)


def a_set(**changes: Any) -> DocumentFacts:
    """Facts of a set with two sources; `changes` replace fields."""
    facts = DocumentFacts(
        name="demo",
        version=2,
        content_digest="ab" * 32,
        predecessor="cd" * 32,
        organisation=Organisation(name="World Lab (fictional)", jurisdiction="DE"),
        request={
            "action": "train_generative",
            "commercial": True,
            "release": "api",
            "model_kind": "world_model",
            "territory": ["WORLD"],
            "streams": ["action", "state", "video"],
        },
        request_name="commercial@1",
        profile="conservative",
        rulebook_digest="ef" * 32,
        valid=date(2026, 5, 1),
        not_after=date(2035, 1, 1),
        sources=(ARM, FILM),
        refused=(
            RefusedSource(
                source_id="walk", verdict="undetermined", reasons=("LICENCE_UNKNOWN",), hours=0.5
            ),
        ),
        files=(
            FileFact(path="data.lance/_versions/2.manifest", num_bytes=900, sha256="01" * 32),
            FileFact(
                path="data.lance/data/a.lance", num_bytes=60_000, sha256="02" * 32, source_id="film"
            ),
            FileFact(
                path="data.lance/data/b.lance", num_bytes=90_000, sha256="03" * 32, source_id="arm"
            ),
        ),
        columns=(
            ColumnFact(name="clip_id", type="string", says="the clip"),
            ColumnFact(name="action", type="list<float>", says="actions on the frame clock"),
        ),
        channels=(
            {"kind": "action", "name": "joints.torque", "unit": "N m", "index": 0,
             "mean": 0.1, "std": 0.2},
        ),
        splits={"train": 8, "val": 1, "test": 1},
        render={"width": 64, "height": 64, "fps": 10.0, "gop": 16, "codec": "h264", "crf": 23,
                "preset": "veryfast", "encoder": "x264"},
        left_out={"not cleared": 3, "RENDER_FAILED": 1},
        producer="clearway 0.1.0",
    )  # fmt: skip
    return replace(facts, **changes)
