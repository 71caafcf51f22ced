"""What a training run is asked to do: one TOML file, every key known, every default written here.

A key that nobody reads is refused with the nearest known one: a silent typo would train something
else than what was asked for.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from training.errors import ConfigError

_T = TypeVar("_T")
_STREAMS = ("action", "state")
_AT_LEAST_ONE = (
    *("steps", "batch", "window", "stride", "context"),
    *("workers", "accumulate", "checkpoint_every", "decode_threads", "prefetch_bytes"),
    *("adapter_rank", "rank_timeout_s"),
)
_NOT_NEGATIVE = (
    *("window_seconds", "stride_seconds", "loader_workers", "decode_timeout_s", "latent_bytes"),
    "hash_at_start",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Sizes of the world model; the defaults are the smoke size for 64 x 64 pixels."""

    mode: str = "regression"  # or "diffusion": frames are made clean step by step from noise
    patch: int = 8  # pixels a side of a patch: one token
    latent: int = 16  # channels of a latent token
    tokenizer_width: int = 128
    tokenizer_depth: int = 2
    width: int = 96
    depth: int = 4  # every `temporal_every`-th block looks back in time, the others inside a frame
    temporal_every: int = 2
    heads: int = 4
    kv_heads: int = 2
    registers: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """One run. `use` must lie inside the request that the training set was cleared for."""

    set: str  # name, name@version or address of a training set
    use: Mapping[str, Any]  # the request document of this run
    seed: int = 0
    steps: int = 200  # optimiser steps in all, of both phases
    tokenizer_steps: int = 120  # the first of them train the tokenizer; then it is frozen
    batch: int = 8  # windows a step over all ranks
    window: int = 12  # frames
    stride: int = 2  # frames between two starts
    window_seconds: float = 0.0  # the same by time, at the set's rate; 0: by frames
    stride_seconds: float = 0.0
    lookback: Mapping[str, float] = field(default_factory=dict)  # stream -> seconds before a window
    context: int = 4  # frames that an evaluation shows before it predicts
    lr: float = 2e-3
    warmup: int = 10  # steps of each phase
    action_dropout: float = 0.1
    ema: float = 0.999  # decay of the averaged weights, which are evaluated; 0: none
    accumulate: int = 1  # parts that a rank makes of its share of a batch, to fit its memory
    device: str = "cpu"  # or "cuda"
    compile: bool = True  # each block of the model, on CUDA only
    shard_above: int = 300_000_000  # weights of the dynamics; more are spread over ranks (FSDP2)
    workers: int = 2  # ranks
    min_workers: int = 0  # elastic: a group goes on with as few ranks; 0: with all of them only
    rank_timeout_s: int = 120  # a rank that is silent for so long is lost
    decode_threads: int = 2  # a rank
    decode_on: str = "cpu"  # or "cuda": the decoder of the device (NVDEC)
    loader_workers: int = 0  # a rank: processes that read; 0: threads of the rank
    decode_timeout_s: float = 60.0  # for a batch of such a process
    prefetch_bytes: int = 256 << 20  # a rank: batches read ahead, encoded and decoded
    latent_bytes: int = 0  # a rank: latents of windows kept in memory; 0: encoded each time
    torch_threads: int = 1  # a rank
    checkpoint_every: int = 100
    keep_checkpoints: int = 0  # how many keep their weights, the last ones; 0: all
    revocations_every: int = 0  # steps; 0: at checkpoints only
    hash_at_start: int = 1 << 30  # bytes of the set's files; the rest is proven when it is read
    max_quarantined: float = 0.001  # of the windows
    max_failures: int = 2  # restarts of the worker group
    eval_windows: int = 8
    weights: Mapping[str, float] = field(default_factory=dict)  # source -> share; empty: by size
    model: ModelConfig = field(default_factory=ModelConfig)
    parent: str = ""  # digest of the checkpoint that the run begins from; empty: none
    adapter: str = ""  # a source: on top of the parent, its adapter alone learns; empty: all learns
    adapter_rank: int = 8
    out: str = ""  # folder of the run; empty: the platform chooses


def read_config(source: Path | Mapping[str, Any]) -> TrainConfig:
    """Read a TOML file or a document; refuse an unknown key, a wrong type, a senseless size."""
    if isinstance(source, Path):
        try:
            source = tomllib.loads(source.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{source} cannot be read: {error}",
                code="CONFIG_INVALID",
                subject=str(source),
                way_out="give a TOML file of UTF-8 text",
            ) from error
    doc = dict(source)
    model = _built(ModelConfig, doc.pop("model", {}), where="model.")
    config = _built(TrainConfig, {**doc, "model": model}, where="")
    _check(config)
    _check_feed(config)
    if not config.window_seconds:
        _check_window(config)
    return config


def config_doc(config: TrainConfig) -> dict[str, Any]:
    """The configuration as a JSON document that `read_config` reads back."""
    return asdict(config)


def in_frames(config: TrainConfig, fps: float) -> TrainConfig:
    """The configuration with its windows in frames of a set that shows `fps` a second.

    Raises:
        ConfigError: when a window is no longer than `context`.
    """
    window, stride = config.window, config.stride
    if config.window_seconds:
        window = frames_of(config.window_seconds, fps)
    if config.stride_seconds:
        stride = frames_of(config.stride_seconds, fps)
    timed = replace(config, window=window, stride=stride)
    _check_window(timed)
    return timed


def streams_of(config: TrainConfig) -> tuple[str, ...]:
    """The streams that are looked back on before a window begins; the model has a part for each."""
    return tuple(sorted(name for name, span in config.lookback.items() if span))


def frames_of(seconds: float, fps: float) -> int:
    """The whole number of frames nearest to a time; at least one."""
    return max(1, round(seconds * fps))


def _built(kind: type[_T], doc: object, *, where: str) -> _T:
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(doc, Mapping):
        raise _invalid(where.rstrip("."), doc, "a table")
    for name in doc:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise ConfigError(
                f"{where}{name} is not a key of a training configuration",
                code="CONFIG_UNKNOWN_KEY",
                subject=f"{where}{name}",
                way_out=f"did you mean {where}{near[0]}?" if near else f"known: {', '.join(known)}",
            )
    kinds = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}
    for name, value in doc.items():
        wanted = kinds.get(str(known[name].type), (Mapping, ModelConfig))
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            raise _invalid(where + name, value, str(known[name].type))
    lacking = [name for name in ("set", "use") if name in known and name not in doc]
    if lacking:
        raise _invalid(lacking[0], None, "a value: it has no default")
    return kind(**doc)


def _check(config: TrainConfig) -> None:
    for name in _AT_LEAST_ONE:
        if getattr(config, name) < 1:
            raise _invalid(name, getattr(config, name), "at least 1")
    if config.tokenizer_steps >= config.steps:
        raise _invalid("tokenizer_steps", config.tokenizer_steps, f"fewer than {config.steps}")
    _check_parent(config)
    if config.batch < config.workers * config.accumulate:
        least = f"a window for each of {config.workers} workers, {config.accumulate} times"
        raise _invalid("batch", config.batch, least)
    _check_ranks(config)
    _check_model(config.model)
    if any(share < 0 for share in config.weights.values()):
        raise _invalid("weights", dict(config.weights), "shares of zero or more")


def _check_parent(config: TrainConfig) -> None:
    if config.parent and config.tokenizer_steps:
        raise _invalid("tokenizer_steps", config.tokenizer_steps, "0 with a parent")
    if config.adapter and not config.parent:
        raise _invalid("parent", "", f"the checkpoint that {config.adapter!r} adapts")


def _check_model(model: ModelConfig) -> None:
    if model.mode not in {"regression", "diffusion"}:
        raise _invalid("model.mode", model.mode, "regression or diffusion")
    if model.width % (4 * model.heads) or model.heads % model.kv_heads:
        raise _invalid(
            "model.heads",
            model.heads,
            "an even share of the width in fours, of kv_heads",
        )


def _check_ranks(config: TrainConfig) -> None:
    if not 0 <= config.min_workers <= config.workers:
        raise _invalid("min_workers", config.min_workers, f"0 to workers = {config.workers}")
    if config.device not in {"cpu", "cuda"}:
        raise _invalid("device", config.device, "cpu or cuda")
    if config.decode_on not in {"cpu", config.device}:
        raise _invalid("decode_on", config.decode_on, f"cpu or device = {config.device}")
    if not 0 <= config.ema < 1:
        raise _invalid("ema", config.ema, "at least 0 and less than 1")
    if config.keep_checkpoints < 0:
        raise _invalid("keep_checkpoints", config.keep_checkpoints, "0 or more")


def _check_feed(config: TrainConfig) -> None:
    for name in _NOT_NEGATIVE:
        if getattr(config, name) < 0:
            raise _invalid(name, getattr(config, name), "zero or more")
    if not all(name in _STREAMS and span >= 0 for name, span in config.lookback.items()):
        raise _invalid("lookback", dict(config.lookback), f"seconds of {' and '.join(_STREAMS)}")


def _check_window(config: TrainConfig) -> None:
    if config.context >= config.window:
        raise _invalid("context", config.context, f"fewer frames than window = {config.window}")


def _invalid(name: str, got: object, expected: str) -> ConfigError:
    return ConfigError(
        f"{name} = {got!r}, expected {expected}",
        code="CONFIG_INVALID",
        subject=name,
        way_out="correct the value in the training configuration",
    )
