"""With which weights a run begins: fresh ones, or those that another run has sealed.

A checkpoint of an adapter holds the adapter alone, so its weights are those of the parent with the
adapter on top. A run with a parent needs the parent's files until its end, and gives sources and
channels the parent's numbers. What was learnt from data is only used as that data may be used: the
use of the run lies inside the use of its parent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from licensing.request import not_covered, read_request
from training.checkpoint import Sealed, load_averaged, read_seal
from training.config import TrainConfig, read_config, streams_of
from training.errors import CheckpointError, ConfigError, Refused
from training.gate import numbered
from training.loader import Numbering, Shapes, domains_of, shapes_from, shapes_of, with_sources
from training.loop.ranks import agree, together
from training.model.adapters import add_adapter, grow_domains, name_domain, part_of
from training.model.world import WorldModel, world_of

if TYPE_CHECKING:
    from training.gate import Cleared


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The model that a run begins with, and its set by the numbers of that model."""

    model: WorldModel
    cleared: Cleared


def begin(config: TrainConfig, cleared: Cleared, parent: Path | None) -> Begun:
    """The weights of a new run: drawn, or the averaged ones of the checkpoint at `parent`.

    Raises:
        CheckpointError: the parent is torn, another one than `config.parent` says, an adapter
            itself, or of other sizes than the run.
        Refused: PARENT_USE_NOT_COVERED.
        ConfigError: ADAPTER_OTHER_DOMAIN, the set holds other sources than the adapter's.
    """
    if not config.parent:
        return Begun(model=world_of(config, shapes_of(cleared.manifest)), cleared=cleared)
    sealed = agree(lambda: parent_at(parent, config.parent))  # its files are proven once, for all
    _check_use(sealed, config.use)
    _check_domain(config, cleared)
    cleared = numbered(cleared, with_sources(_numbers_in(sealed), cleared.manifest))
    _check_sizes(sealed, config, shapes_of(cleared.manifest))
    model = together(lambda: world_in(sealed))
    shapes = shapes_of(cleared.manifest)
    if config.adapter:
        _adapt(model, config, shapes)
    else:
        grow_domains(model.dynamics, shapes.domains)
    model.sizes = shapes
    return Begun(model=model, cleared=cleared)


def world_in(sealed: Sealed, *, parent: Path | None = None) -> WorldModel:
    """The model of a checkpoint as it is evaluated; an adapter's stands on that at `parent`.

    Raises:
        CheckpointError: also CHECKPOINT_OTHER_VERSION, where other code sealed it.
    """
    config = read_config(sealed.seal.config)
    shapes = _shapes_in(sealed)
    if config.adapter:
        model = world_in(parent_at(parent, config.parent))
        _adapt(model, config, shapes)
        model.sizes = shapes
    else:
        model = world_of(config, shapes)
    part = part_of(model.dynamics, config.adapter)
    load_averaged(sealed, model, part=part, manifest_digest=sealed.seal.cursor.manifest)
    return model


def by_its_numbers(cleared: Cleared, sealed: Sealed) -> Cleared:
    """A set by the numbers that a checkpoint gives to sources and channels."""
    if not read_config(sealed.seal.config).parent:
        return cleared
    return numbered(cleared, _numbers_in(sealed))


def parent_at(path: Path | None, digest: str) -> Sealed:
    """The checkpoint at `path`, every file of it proven; it must be the one of this digest.

    Raises:
        CheckpointError: CHECKPOINT_MISSING, _TORN, _OTHER_VERSION, PARENT_OTHER, PARENT_IS_ADAPTER.
    """
    sealed = None if path is None else read_seal(path)
    if sealed is None or sealed.digest != digest:
        raise CheckpointError(
            f"the parent is the checkpoint {digest[:12]}, got "
            f"{sealed.digest[:12] if sealed else 'none'} at {path}",
            code="PARENT_OTHER",
            subject=digest,
            way_out="give the folder of the checkpoint that the configuration names",
        )
    if not sealed.seal.channels:
        raise _other_version(sealed, "no channels")
    if sealed.seal.config.get("adapter"):
        raise CheckpointError(
            f"{sealed.path} holds the adapter of {sealed.seal.config['adapter']!r} alone",
            code="PARENT_IS_ADAPTER",
            subject=digest,
            way_out="begin from the checkpoint that the adapter was trained on",
        )
    return sealed


def _adapt(model: WorldModel, config: TrainConfig, shapes: Shapes) -> None:
    for domain in shapes.domains:
        name_domain(model.dynamics, domain)
    add_adapter(model.dynamics, config.adapter, config.adapter_rank)


def _numbers_in(sealed: Sealed) -> Numbering:
    return Numbering(domains=tuple(sealed.seal.shapes["domains"]), channels=sealed.seal.channels)


def _shapes_in(sealed: Sealed) -> Shapes:
    try:
        return shapes_from(sealed.seal.shapes)
    except (KeyError, TypeError) as error:
        raise _other_version(
            sealed, f"the shapes {', '.join(sorted(sealed.seal.shapes))}"
        ) from error


def _check_use(sealed: Sealed, use: Mapping[str, Any]) -> None:
    outside = not_covered(read_request(sealed.seal.config["use"]), read_request(use))
    if outside:
        raise Refused(
            f"the parent {sealed.digest[:12]} was trained for another use: {', '.join(outside)}",
            code="PARENT_USE_NOT_COVERED",
            subject=", ".join(outside),
            way_out="narrow the run's use, or begin from a checkpoint trained for this use",
        )


def _check_domain(config: TrainConfig, cleared: Cleared) -> None:
    found = domains_of(cleared.manifest)
    if config.adapter and found != (config.adapter,):
        raise ConfigError(
            f"the set holds {', '.join(found)}, and an adapter of {config.adapter!r} learns from"
            " that source alone",
            code="ADAPTER_OTHER_DOMAIN",
            subject=config.adapter,
            way_out="export a training set of that source alone",
        )


def _check_sizes(sealed: Sealed, config: TrainConfig, shapes: Shapes) -> None:
    own = read_config(sealed.seal.config)
    before, now = (
        f"{one.model} on {replace(each, domains=())}, looks back on "
        f"{', '.join(streams_of(one)) or 'nothing'}"
        for one, each in ((own, _shapes_in(sealed)), (config, shapes))
    )
    if before != now:
        raise CheckpointError(
            f"the parent has {before}; the run has {now}",
            code="PARENT_OTHER_SIZES",
            subject=sealed.digest,
            way_out="leave [model] and `lookback` out, and export the set at the parent's size",
        )


def _other_version(sealed: Sealed, keeps: str) -> CheckpointError:
    return CheckpointError(
        f"{sealed.path} keeps {keeps}, not what this version reads",
        code="CHECKPOINT_OTHER_VERSION",
        subject=str(sealed.path),
        way_out="use the version of Clearway that trained it, or train again",
    )
