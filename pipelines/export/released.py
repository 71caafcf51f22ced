"""The documents of a release: what its model has seen, of whatever training sets.

In: a release on record. Out: the forms of the law about a model, and the sourcing classes. What was
seen is replayed: by the run that sealed the checkpoint, and by each that it began from up to where
it began. A clip that was seen in several sets counts once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog import answers, clips, decisions, parties, releases, runs, sources, training_sets
from catalog.engine import open_catalog, reading
from catalog.mentions import POINT_ID
from licensing.manifest import combine, open_manifest
from pipelines.documents import ab2013, eu_summary, gpai, sourcing
from pipelines.documents.facts import DocumentFacts, FileFact, RefusedSource, SourceFacts
from pipelines.export.describing import HOUR_NS, operator
from pipelines.export.facts import said_of
from pipelines.export.grounds import acquired, acquisition_of, grounds_of, signals_of
from pipelines.export.lineage_groups import SELECTION
from pipelines.export.rendering import read_left_out
from pipelines.lake.rendered import shard_files
from pipelines.seen import windows_seen
from pipelines.storage import join, read_bytes
from training.loader import read_index

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.decisions import DecisionRow
    from catalog.releases import ReleaseRow
    from catalog.training_sets import TrainingSetRow
    from pipelines.settings import Settings

_COLUMNS = ("source_id", "clip_id", "camera", "num_frames", "action_width", "state_width")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """One training set, with the rows of the clips that were seen."""

    row: TrainingSetRow
    manifest: Mapping[str, Any]
    selection: Mapping[str, Any]
    files: tuple[FileFact, ...]
    rows: tuple[Mapping[str, Any], ...]
    decided: tuple[DecisionRow, ...]


def write_documents(wanted: str, settings: Settings, *, out: Path) -> tuple[Path, ...]:
    """Write the documents of a release into the folder `out`; all of them, or none.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID; also where a run began from a checkpoint not on record.
        CheckpointError: where it cannot be replayed what a run has seen.
        ExportError: DOCUMENT_FIELD_MISSING, naming the fields and where to record the first.
    """
    facts = facts_of_release(wanted, settings)
    files = {
        **ab2013.build(facts, draft=False),
        **eu_summary.build(facts, draft=False),
        **gpai.build(facts, draft=False),
        **sourcing.build(facts),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, content in sorted(files.items()):
        (out / name).write_bytes(content)
    return tuple(out / name for name in sorted(files))


def facts_of_release(wanted: str, settings: Settings) -> DocumentFacts:
    """Collect what the documents of a release say, from the sets of its runs."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        release = releases.release(session, wanted)
        names = dict[str, set[str]]()
        for set_id, checkpoint_id in _points(session, release):
            windows = windows_seen(checkpoint_id, settings)
            names.setdefault(set_id, set()).update(one["clip_id"] for one in windows)
        held = [_held(session, name, settings, seen=seen) for name, seen in names.items()]
        last = held[0]
        return DocumentFacts(
            name=release.name,
            version=release.version,
            content_digest=combine(sorted(one.row.content_digest for one in held)),
            predecessor=None,
            organisation=operator(session),
            request=last.row.request,
            request_name=last.row.request_name,
            profile=last.decided[0].profile,
            rulebook_digest=last.decided[0].rulebook_digest,
            valid=max(each.valid for one in held for each in one.decided),
            not_after=min(one.row.not_after for one in held),
            sources=tuple(_sources(session, held, settings)),
            refused=tuple(_refused(session, held)),
            files=tuple(dict.fromkeys(each for one in held for each in one.files)),
            columns=(),
            channels=tuple(each for one in held for each in one.manifest["channels"]),
            splits={},
            render=last.manifest["render"],
            left_out=_counted(_left_out(one) for one in held),
            answers={**_known(release), **answers.answers(session, release.name)},
            producer=f"clearway {version_of('clearway')}",
            made_of=tuple(names),
        )


def _points(session: Session, release: ReleaseRow) -> Iterator[tuple[str, str]]:
    """The set and the checkpoint of the run, and of those that it began from, the last first."""
    point, passed = runs.checkpoint(session, release.checkpoint_id), set[str]()
    while point.checkpoint_id not in passed:
        passed.add(point.checkpoint_id)
        row = runs.run(session, point.run_id)
        yield row.set_id, point.checkpoint_id
        parent = str(row.record.get("parent") or "")[:POINT_ID]
        if not parent:
            return
        point = runs.checkpoint(session, parent)


def _held(session: Session, name: str, settings: Settings, *, seen: Collection[str]) -> _Held:
    row = training_sets.training_set(session, name)
    uri = settings.set_uri(row.name, row.version)
    manifest = open_manifest(read_bytes(join(uri, "manifest.json")))
    data = manifest["data"]
    index = read_index(join(uri, data["path"]), data["version"])
    return _Held(
        row=row,
        manifest=manifest,
        selection=json.loads(read_bytes(join(uri, SELECTION))),
        files=tuple(_files(row.set_id, uri, manifest)),
        rows=tuple(one for one in index.select(_COLUMNS).to_pylist() if one["clip_id"] in seen),
        decided=decisions.decisions_with(session, row.decisions),
    )


def _sources(session: Session, held: Sequence[_Held], settings: Settings) -> Iterator[SourceFacts]:
    names = {one["source_id"] for each in held for one in each.rows}
    for number, name in enumerate(sorted(names)):
        yield _source(session, name, held, settings=settings, number=number)


def _source(
    session: Session, name: str, held: Sequence[_Held], *, settings: Settings, number: int
) -> SourceFacts:
    source = sources.source(session, name)
    decided = {
        each.decision_id: each for one in held for each in one.decided if each.source_id == name
    }
    layers = [each for one in decided.values() for each in one.doc["proof"]["layers"]]
    said = said_of(session, source, layers, settings=settings)
    licences, kept = grounds_of(session, name, layers)
    rows = {
        (one["clip_id"], one["camera"]): one
        for each in held for one in each.rows if one["source_id"] == name
    }  # fmt: skip
    files = {each for one in held for each in one.files if each.source_id == name}
    days = [end for each in licences if (end := each.ends)]
    return SourceFacts(
        source_id=name,
        title=source.title or name,
        modality=source.modality,
        creator=said.creator,
        credit=said.credit,
        link=said.link,
        acquisition=acquisition_of(source, layers, is_own=source.owner == parties.OPERATOR),
        acquired=acquired(session, name, valid=max(one.valid for one in decided.values())),
        licences=licences,
        layers=kept,
        signals=signals_of(session, name),
        duties=tuple(sorted({duty for one in decided.values() for duty in one.obligations})),
        decisions=tuple(sorted(decided)),
        ends=min(days, default=None),
        shard=number,
        num_clips=len({clip_id for clip_id, _ in rows}),
        num_rows=len(rows),
        num_frames=sum(one["num_frames"] for one in rows.values()),
        num_bytes=sum(one.num_bytes for one in files),
        hours=_hours(session, name, rows.values()),
        streams=tuple(sorted({camera for _, camera in rows if camera})),
        obtained=source.obtained,
        fictional=source.fictional,
    )


def _hours(session: Session, source_id: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """The lengths of the clips by modality, each stream of a clip once."""
    lengths = {one.clip_id: one.end_ns - one.start_ns for one in clips.clips_of(session, source_id)}
    each = {
        (kind, one["clip_id"], one["camera"] if kind == "video" else "")
        for one in rows
        for kind, there in (
            ("video", one["camera"]), ("action", one["action_width"]), ("state", one["state_width"])
        )
        if there
    }  # fmt: skip
    found: Counter[str] = Counter()
    for kind, clip_id, _ in each:
        found[kind] += lengths[clip_id]
    return {kind: length / HOUR_NS for kind, length in sorted(found.items())}


def _files(set_id: str, uri: str, manifest: Mapping[str, Any]) -> Iterator[FileFact]:
    data = manifest["data"]
    shards = shard_files(join(uri, data["path"]), data["version"])
    whose = {
        f"{data['path']}/{path}": one["source_id"]
        for one in manifest["shards"] for path in shards[one["shard"]]
    }  # fmt: skip
    for one in manifest["files"]:
        if one["path"].startswith(f"{data['path']}/"):
            yield FileFact(
                path=f"{set_id}/{one['path']}", num_bytes=one["bytes"],
                sha256=one["sha256"], source_id=whose.get(one["path"], ""),
            )  # fmt: skip


def _refused(session: Session, held: Sequence[_Held]) -> Iterator[RefusedSource]:
    """The sources that the requests of the sets did not permit, as decided last."""
    used = {one for each in held for one in each.row.sources}
    found: dict[str, DecisionRow] = {}
    for digest in sorted({one.row.request_digest for one in held}):
        rows = decisions.latest_decisions(session, digest)
        found |= {one.source_id: one for one in rows if one.verdict != "permit"}
    for name in sorted(found.keys() - used):
        one = found[name]
        yield RefusedSource(source_id=name, verdict=one.verdict, reasons=one.reasons, hours=0.0)


def _left_out(held: _Held) -> dict[str, int]:
    lost = Counter(one.reason for one in read_left_out(held.selection))
    return {**lost, **({"not cleared": n} if (n := held.selection["uncleared"]) else {})}


def _counted(each: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in each:
        total.update(one)
    return dict(total)


def _known(release: ReleaseRow) -> dict[str, str]:
    """What the record of the release answers; people's answers go before it."""
    found = {"ab2013.system": release.release_id, "eu.1.2.model_names": release.release_id}
    if release.published is not None:
        found["eu.1.2.placed_on_market"] = f"{release.published:%d/%m/%Y}"
    return found
