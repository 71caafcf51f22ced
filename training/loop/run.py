"""One training run: take the next windows, learn from them, seal what was learnt.

What a step delivers is arithmetic over (manifest, seed, step); what the loop adds is the revocation
list, looked at first and at every checkpoint, and the chain of trained ids that a replay must meet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from training.checkpoint import RunRecord, Seal, checkpoints, latest
from training.config import config_doc, in_frames
from training.errors import LoaderError
from training.loader import Asked, Batch, Feed, shapes_of, windows_in
from training.loop.beginning import begin
from training.loop.board import Board
from training.loop.job import Job, feed_spec
from training.loop.learner import Learner
from training.loop.log import RunLog, attempts, losses
from training.loop.lost import LostWindows, digest_of_lost, told_of
from training.loop.meters import meter_of
from training.loop.order import order_of, rows_digest, write_rows
from training.loop.plot import write_plot
from training.loop.ranks import agree, gathered, rank_and_world, together, total
from training.loop.saver import Saver
from training.model.world import weights_digest
from training.sampler import Cursor, Segment, chain_of, plan_order, take

if TYPE_CHECKING:
    from training.gate import Standing

Watch = Callable[[int], "Standing"]  # highest sequence seen -> how the set stands now, or Refused


def train(
    job: Job, *, watch: Watch, progress: Callable[[str, int, int], None] | None = None
) -> RunRecord:
    """Train to the last step, from the folder's last sealed checkpoint if there is one."""
    run = _Run(job, watch)
    try:
        run.start()
        while run.cursor.step < job.config.steps:
            phase, loss = run.step()
            if progress is not None:
                progress(f"{phase} loss {loss:.4f}", run.cursor.step, job.config.steps)
        run.saver.wait()
        return agree(run.record)
    finally:
        run.close()


class _Run:
    """The state of a run on one rank."""

    def __init__(self, job: Job, watch: Watch) -> None:
        config = in_frames(job.config, job.cleared.manifest["render"]["fps"])
        begun = begin(config, job.cleared, job.parent)
        cleared = begun.cleared
        self.job, self._watch = replace(job, config=config, cleared=cleared), watch
        self.rank, self.world = rank_and_world()
        self.windows = windows_in(cleared, length=config.window, stride=config.stride)
        self.plan = plan_order(
            self.windows, cleared.manifest_digest, config.seed, weights=config.weights
        )
        self.cursor = Cursor(manifest=cleared.manifest_digest, seed=config.seed)
        self.dead = self.windows.dead(())
        self.sequence, self.list_digest = cleared.revocation_sequence, cleared.revocation_digest
        self.clearance = cleared.clearance_digest  # in force; it may be renewed
        self.learner = Learner(config, begun.model, job.device)
        self.saver = Saver(
            job.folder,
            keep=config.keep_checkpoints,
            holds=lambda: watch(self.sequence),
            device=self.learner.device,
            timeout_s=config.rank_timeout_s,
        )
        self.log = RunLog(job.folder, writes=self.rank == 0)
        self.lost = LostWindows(job.folder)
        self.meter = meter_of(self.learner.model, config, self.learner.device)
        self.board: Board | None = None
        self.parent = config.parent or None  # a checkpoint whose lineage is this run's as well
        self.waited: dict[str, float] = {}  # seconds before this step, for what
        self.trained: list[tuple[int, list[int], list[int]]] = []  # step, slots, windows
        self.batches: Iterator[tuple[Asked, Batch]] | None = None  # from the cursor on
        self.feed = Feed(cleared, self.windows, feed_spec(self.job))

    def start(self) -> None:
        """Go to the last sealed checkpoint, then look at the revocation list."""
        cleared, folder = self.job.cleared, self.job.folder
        sealed = agree(lambda: latest(folder))
        order = agree(lambda: order_of(cleared, sealed, self.windows))
        self.lost.begin(sealed)
        if sealed is not None:
            self.plan = replace(self.plan, digest=order)
            self.cursor = self.learner.restore(sealed, order)
            self.sequence = max(self.sequence, sealed.seal.revocation_sequence)
            taken_over = sealed.seal.set_digest not in {"", cleared.manifest_digest}
            self.parent = sealed.digest if taken_over else sealed.seal.parent or self.parent
        else:
            agree(lambda: write_rows(folder, self.windows, cleared))
        attempt = together(lambda: self.log.begin_attempt(self.cursor.step, self.world))
        if self.rank == 0:
            self.board = Board(self.job.folder, attempt=attempt, began_s=self.job.began_s)
        self.look()

    def look(self) -> None:
        """All ranks go by the papers that rank 0 sees from the next step on, or all stop."""
        seen = agree(lambda: self._watch(self.sequence))
        if seen.sequence != self.sequence:
            self.batches = None  # chosen under the list before: chosen and read again
        self.sequence, self.list_digest = seen.sequence, seen.digest
        self.clearance = seen.clearance_digest
        subjects = self.windows.subjects(seen.dead)
        segments = self.cursor.segments
        if not segments or segments[-1].subjects != subjects:
            here = Segment(
                step=self.cursor.step,
                position=self.cursor.position,
                sequence=seen.sequence,
                digest=seen.digest,
                subjects=subjects,
            )
            self.cursor = replace(self.cursor, segments=(*segments, here))
        self.dead = self.windows.dead(subjects)
        if self.learner.latents is not None:
            self.learner.latents.forget(self.dead)

    def step(self) -> tuple[str, float]:
        """One optimiser step; returns its phase and the loss over the whole batch."""
        step = self.cursor.step
        begun = time.perf_counter()
        position, batch = self._next()
        stall = time.perf_counter() - begun
        self._check_budget(batch)
        loss = self.learner.learn(batch)
        self.trained.append((step, batch.slots_B.tolist(), batch.window_B.tolist()))
        self.cursor = replace(self.cursor, step=step + 1, position=position)
        learnt = time.perf_counter()
        self._note(
            {
                "step": step + 1,
                "phase": self.learner.phase(step),
                "loss": loss,
                "grad_norm": round(self.learner.norm, 4),
                "seconds": round(learnt - begun, 4),
                "stall": round(stall, 4),
                **self.waited,
                "sequence": batch.sequence,
                **self.meter.line(learnt - begun, batch, phase=self.learner.phase(step)),
            }
        )
        self.waited = self._at_the_end_of(step + 1)
        return self.learner.phase(step), loss

    def _at_the_end_of(self, step: int) -> dict[str, float]:
        """Seal or look, where it is time; how many seconds the next step waited for either."""
        config, begun = self.job.config, time.perf_counter()
        if step % config.checkpoint_every == 0 or step == config.steps:
            self.look()
            checked = time.perf_counter()
            self.seal()
            saved = round(time.perf_counter() - checked, 4)
            return {"check": round(checked - begun, 4), "save": saved}
        if config.revocations_every and step % config.revocations_every == 0:
            self.look()
            return {"check": round(time.perf_counter() - begun, 4)}
        return {}

    def _note(self, line: dict[str, Any]) -> None:
        self.log.step(line)
        if self.board is not None:
            self.board.write(line["step"], line)

    def _next(self) -> tuple[int, Batch]:
        """The batch of this step and the position after it; more are already being read."""
        batches = self.batches = self.batches or self.feed.follow(self._asked())
        asked, batch = together(lambda: next(batches))
        if (batch.step, batch.sequence) != (self.cursor.step, self.sequence):
            raise AssertionError("a batch of another step or revocation list reached the model")
        return asked.position, batch

    def _asked(self) -> Iterator[Asked]:
        """What this rank reads from the cursor on, as long as the list in force stays."""
        config, position, sequence = self.job.config, self.cursor.position, self.sequence
        latents = self.learner.latents
        for step in range(self.cursor.step, config.steps):
            ids, position = take(self.plan, position, size=config.batch, dead=self.dead)
            own = ids[self.rank :: self.world]
            yield Asked(
                step=step,
                slots=np.arange(config.batch, dtype=np.int64)[self.rank :: self.world],
                windows=own,
                sequence=sequence,
                position=position,
                kept=latents.among(own.tolist()) if latents is not None else frozenset(),
            )

    def _check_budget(self, batch: Batch) -> None:
        self.lost.add(batch.lost)
        lost, failed = total([len(batch.lost), self.saver.failed() or self.log.failed()])
        if failed:
            agree(self.log.check)
            self.saver.wait()
        count = self.lost.count(lost)
        if count > self.job.config.max_quarantined * len(self.windows):
            raise LoaderError(
                f"{count:.0f} windows could not be decoded, more than "
                f"{self.job.config.max_quarantined:.2%} of {len(self.windows)}",
                code="QUARANTINE_BUDGET",
                subject=self.job.cleared.manifest_digest,
                way_out="export the set again, or raise max_quarantined",
            )

    def seal(self) -> None:
        """Begin to write a checkpoint; the gate was just looked at, and is again at its end."""
        delivered: dict[int, dict[int, int]] = {}
        for step, slots, ids in (one for rank in gathered(self.trained) for one in rank):
            delivered.setdefault(step, {}).update(zip(slots, ids, strict=True))
        self.trained.clear()
        self.cursor = replace(self.cursor, chain=chain_of(self.cursor.chain, delivered))
        self.lost.note()
        seal = Seal(
            cursor=self.cursor,
            clearance_digest=self.clearance,
            revocation_sequence=self.sequence,
            revocation_digest=self.list_digest,
            config=config_doc(self.job.config),
            shapes=asdict(shapes_of(self.job.cleared.manifest)),
            world=self.world,
            parent=self.parent,
            set_digest=self.job.cleared.manifest_digest,
            rows_digest=rows_digest(self.job.folder) if self.rank == 0 else "",
            averaged=bool(self.learner.averaged),
            num_lost=len(self.lost.noted),
            lost_digest=digest_of_lost(self.lost.noted),
            channels=tuple(self.job.cleared.manifest["channels"]),
        )
        agree(self.log.check)
        self.saver.begin(self.learner.weights(), seal)

    def record(self) -> RunRecord:
        """What this run remembers."""
        job, spec = self.job, self.windows.spec
        write_plot(job.folder)
        ends, curve = losses(job.folder)
        return RunRecord(
            manifest_digest=self.cursor.manifest,
            clearance_digest=self.clearance,
            request_digest=job.cleared.manifest["request_digest"],
            code_version=job.code_version,
            config=config_doc(job.config),
            seed=job.config.seed,
            windows={"length": spec.length, "stride": spec.stride, "count": len(self.windows)},
            world=self.world,
            steps=self.cursor.step,
            segments=tuple(self.cursor.doc()["segments"]),
            attempts=attempts(job.folder),
            checkpoints=checkpoints(job.folder),
            losses=ends,
            curve=curve,
            quarantined=told_of(self.lost.noted),
            tokenizer_digest=weights_digest(self.learner.model.tokenizer),
            parent=self.parent,
        )

    def close(self) -> None:
        """Stop reading."""
        self.batches = None
        self.feed.close()
        self.saver.close()
        if self.board is not None:
            self.board.close()
