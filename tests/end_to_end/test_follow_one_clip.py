"""`docs/follow-one-clip.md` is written from a real run, so that it cannot say what is not so."""

import base64
import json
from pathlib import Path

import pytest

from catalog import clips, decisions, parties, parts, personal, rights, runs, sources, training_sets
from catalog.engine import open_catalog, reading
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.reading import scan_columns
from training.loader import read_index

PAGE = Path(__file__).parents[2] / "docs/follow-one-clip.md"
SOURCE = "freedoom-demo"
VARIES = "…"  # stands for what differs from run to run: ids of runs, signatures, instants

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(600)]


def test_the_page_says_what_a_run_says(demo, request):
    with reading(open_catalog(demo.settings.catalog_url, read_only=True)) as session:
        page = "".join(
            f"{text.strip()}\n\n{block(found)}\n" if found is not None else f"{text.strip()}\n\n"
            for text, found in stations(demo, session)
        )
    if request.config.getoption("--write-golden"):
        PAGE.write_text(page, encoding="utf-8")

    assert PAGE.read_text(encoding="utf-8") == page


def stations(demo, session):
    """What the page says of each station, and what that station left behind."""
    clip = next(one for one in clips.clips_of(session, SOURCE) if one.status == "kept")
    yield from about_rights(session)
    yield from about_bytes(demo, session, clip)
    yield from about_the_decision(demo, session, clip)
    yield from about_the_set(demo, session, clip)
    yield from about_the_model(demo, session, clip)


def about_rights(session):
    source = sources.source(session, SOURCE)
    holder = parties.party(session, source.owner)
    yield (
        """
# One clip, followed

This page follows two seconds of a game from the day their source is registered to the checkpoint that was trained on them, and back.
A test writes it from a run of `clearway demo`; `…` stands for what differs from run to run.
Each block is what that station left behind, not a drawing of it.

## Register

A source is a folder, a reader and a holder.
Each physical stream is mapped to one rights stream: what nobody mapped would be undetermined.
""",
        {
            "source": source.source_id, "title": source.title, "modality": source.modality,
            "owner": holder.name, "streams": dict(source.streams), "config": dict(source.config),
        },
    )  # fmt: skip
    yield (
        """
The facts about its rights are dated, never overwritten, and point at their evidence.
The engine reads them as layers: the pictures and the key log are two works here, under one licence.
""",
        [
            {name: value for name, value in layer.items() if name != "layer_id"}
            for layer in told(session, rights.layers_of(session, SOURCE, known=None))
        ],
    )


def told(session, layers):
    """The layers with the words that the record keeps apart, as `rights show` tells them."""
    text = json.dumps(layers)
    for commitment, words in personal.spoken(session, SOURCE).items():
        text = text.replace(json.dumps(commitment), json.dumps(words))
    return json.loads(text)


def about_bytes(demo, session, clip):
    lines = map(json.loads, demo.clearway("source", "files", SOURCE, "--json").stdout.splitlines())
    keep = ("path", "sha256", "bytes", "status", "num_frames", "num_messages", "duration_s")
    yield (
        """
## Scan and ingest

`scan` hashes every file and captures licence texts and opt-out signals before anything else touches the bytes.
`ingest` stores the bytes as they are and reads what is in them: a tic of the log is a frame of the picture.
The licence text is a companion: recorded, counted, never quarantined.
""",
        [{name: line[name] for name in keep} for line in lines],
    )
    episode = next(
        one for one in clips.episodes_of(session, SOURCE) if one.episode_id == clip.episode_id
    )
    yield (
        "The two files make one episode, with every stream on one clock of nanoseconds.",
        {
            "episode": episode.episode_id, "reader": episode.reader,
            "start_ns": episode.start_ns, "end_ns": episode.end_ns,
            "streams": [
                {
                    "name": one["name"], "rights_stream": one["rights_stream"],
                    "clock": one["clock"]["kind"], "count": one["num_frames"] or one["num_messages"],
                }
                for one in episode.streams
            ],
        },
    )  # fmt: skip
    table = scan_columns(
        dataset_uri(demo.settings.lake, SOURCE, "clips"),
        ("clip_id", "motion", "blur", "black", "streams"),
    )
    row = next(one for one in table.to_pylist() if one["clip_id"] == clip.clip_id)
    yield (
        """
## Cut and assess

`cut` lays windows over the episode; `assess` measures them. No media bytes are copied.
""",
        {
            "clip": clip.clip_id, "start_ns": clip.start_ns, "end_ns": clip.end_ns,
            "status": clip.status, "motion": round(row["motion"], 3), "blur": round(row["blur"], 3),
            "black": round(row["black"], 3), "streams": row["streams"],
        },
    )  # fmt: skip


def about_the_decision(demo, session, clip):
    row = next(
        one for one in decisions.decisions(session)
        if one.source_id == SOURCE and one.request_name == "commercial"
    )  # fmt: skip
    part = next(one for one in parts.parts_of(session, SOURCE) if one.episode_id == clip.episode_id)
    assert part.rights_key == row.rights_key
    yield (
        """
## Clear

The clip lies in one part: a span of the episode to which the same layers apply, under one key.
The request says what is asked for; the engine answers for every layer of every key, with its proof.
Unknown is not cleared. The decision is recorded with its leaf in the log, in one transaction.
""",
        {
            "part": {
                "start_ns": part.start_ns, "end_ns": part.end_ns,
                "layers": len(parts.layers_under(session, [part.rights_key])[part.rights_key]),
            },
            "decision": VARIES, "request": row.request_name, "verdict": row.verdict,
            "reasons": list(row.reasons), "obligations": list(row.obligations),
            "profile": row.profile, "explained": explained(demo, row.decision_id),
        },
    )  # fmt: skip


def about_the_set(demo, session, clip):
    made = training_sets.training_set(session, "demo@1")
    place = demo.settings.home / "training_sets/demo/1"
    row = next(
        one for one in read_index(str(place / "data.lance")).to_pylist()
        if one["clip_id"] == clip.clip_id
    )  # fmt: skip
    keep = ("source_id", "camera", "split", "num_frames", "fps", "width", "height", "action_width")
    yield (
        """
## Export

Cleared clips are rendered for training: short closed groups of pictures, actions on the frame clock.
Each shard holds one source, so that one source can go without touching another.
""",
        {name: row[name] for name in keep}
        | {"frames_with_action": sum(row["valid"]) // max(1, row["action_width"])},
    )
    manifest = json.loads((place / "manifest.json").read_text())
    statement = json.loads(base64.b64decode(
        json.loads((place / "clearance.dsse.json").read_text())["payload"]
    ))  # fmt: skip
    yield (
        "The manifest never changes; the clearance over it is signed, short-lived, and can be renewed.",
        {
            "manifest": {
                "name": manifest["name"], "version": manifest["version"],
                "shards": [
                    {name: one[name] for name in ("source_id", "num_clips", "num_frames")}
                    for one in manifest["shards"]
                ],
            },
            "clearance": {
                "predicateType": statement["predicateType"],
                "obligations": statement["predicate"]["obligations"], "not_after": VARIES,
            },
        },
    )  # fmt: skip
    notice = json.loads((place / "documents/notices.json").read_text())
    own = [one for one in notice if one["source"] == SOURCE]
    assert made.num_clips == sum(one["num_clips"] for one in manifest["shards"])
    yield ("Its duty travels in the notices of the set.", [
        {name: one[name] for name in ("duty", "source", "licence")} for one in own
    ])  # fmt: skip


def about_the_model(demo, session, clip):
    last = runs.checkpoints(session)[-1]
    seen = [
        json.loads(line)
        for line in demo.clearway("audit", "seen", last.checkpoint_id, "--json").stdout.splitlines()
    ]
    mine = [one for one in seen if one["clip_id"] == clip.clip_id]
    assert all(one["source"] == SOURCE for one in mine)
    yield (
        """
## Train

The trainer has no database. Its gate checks signature, request, expiry, revocations and every digest, then the order of windows follows from the manifest by a formula.
So what a checkpoint saw needs no log: `clearway audit seen CHECKPOINT` computes it again, a line a window.
""",
        {
            "windows_up_to_the_checkpoint": len(seen), "of_this_clip": VARIES,
            "a_line": sorted(seen[0]),
        },
    )  # fmt: skip
    traced = demo.clearway("audit", "trace", last.checkpoint_id, "--json").stdout
    chain = list(path_to(json.loads(traced), SOURCE))
    yield (
        """
## Trace

From the checkpoint back, the same things come in reverse.
""",
        [one["kind"] for one in chain] + [child["label"] for child in chain[-1]["children"]],
    )
    lost = json.loads(demo.clearway("revoke", SOURCE, "--dry-run", "--json").stdout)
    yield (
        """
## Revoke

And down: `clearway revoke freedoom-demo --dry-run` says what would go, and changes nothing.
""",
        {
            "clips": lost["clips"], "training_sets": lost["training_sets"],
            "checkpoints": len(lost["checkpoints"]), "dry_run": lost["dry_run"],
        },
    )  # fmt: skip


def explained(demo, decision_id):
    said = demo.clearway("rights", "explain", decision_id).stdout.strip()
    return said.split(" Rulebook ")[0]


def path_to(tree, source_id):
    """The nodes from the root down to the source."""
    if tree["id"] == source_id and tree["kind"] == "source":
        return [tree]
    for child in tree.get("children", []):
        below = path_to(child, source_id)
        if below:
            return [tree, *below]
    return []


def block(found):
    return f"```json\n{json.dumps(found, indent=1, ensure_ascii=False)}\n```\n"
