"""What is asked of a run: a TOML file or a ready configuration by name, and the set it names.

In: what was given at the edge. Out: a checked configuration, the set's row, and what decides the
run's name: manifest and configuration.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import training
from catalog import rights, training_sets
from catalog.engine import open_catalog, reading
from licensing.manifest import digest
from pipelines.export.mixture import weights_of
from pipelines.keys import trusted_publics
from pipelines.train.parents import Parent, parent_of
from training.config import TrainConfig, config_doc, read_config
from training.errors import ConfigError

if TYPE_CHECKING:
    from catalog.training_sets import TrainingSetRow
    from pipelines.settings import Settings
    from training.gate import Access

READY: Final = ("smoke", "small", "base", "long")
Config = Path | str | Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is given beside a configuration, and goes before what it says; empty: what it says."""

    set_name: str = ""
    parent: str = ""  # RUN/STEP, or a checkpoint's id or its start
    adapter: str = ""  # a source

    def doc(self) -> dict[str, str]:
        """The keys of a configuration that are given."""
        named = {"set": self.set_name, "parent": self.parent, "adapter": self.adapter}
        return {key: value for key, value in named.items() if value}


NO_OPTIONS: Final = Options()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One run, before it begins."""

    config: TrainConfig
    row: TrainingSetRow
    run: str  # named by what decides it: manifest and configuration
    folder: Path
    seen: int  # highest revocation sequence of the catalog
    parent: Parent | None = None  # whose weights it begins with


def asked_of(config: Config, settings: Settings, options: Options) -> Asked:
    """Read what is asked; `use` defaults to all that the training set was cleared for.

    `weights` default to those of the set's mixture. A run with a parent has the parent's model and
    tokenizer: its steps train the dynamics alone.

    Raises:
        ConfigError: a key or value of the configuration that cannot be used.
        NotFound: UNKNOWN_ID, no such training set.
    """
    doc = _doc_of(config) | options.doc()
    if not doc.get("set"):
        raise ConfigError(
            "set is not given, expected the name of a training set",
            code="CONFIG_INVALID",
            subject="set",
            way_out="pass --set NAME, or write `set` into the file",
        )
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        row = training_sets.training_set(session, _set_id(str(doc["set"])))
        seen = len(rights.revocations(session))
    parent = parent_of(str(doc["parent"]), settings) if doc.get("parent") else None
    if parent is not None:
        model = {**parent.model, **doc.get("model", {})}
        doc |= {"parent": parent.digest, "tokenizer_steps": 0, "model": model}
        doc.setdefault("lookback", dict(parent.lookback))
    doc["weights"] = doc.get("weights") or weights_of(settings.set_uri(row.name, row.version))
    planned = read_config({**doc, "use": doc.get("use") or dict(row.request)})
    run = digest({"manifest": row.manifest_digest, "config": config_doc(planned)})[:32]
    folder = run_folder(planned, settings, run)
    return Asked(config=planned, row=row, run=run, folder=folder, seen=seen, parent=parent)


def access_of(asked: Asked, settings: Settings) -> Access:
    """How a trainer opens the set that is asked for."""
    from training.gate import Access

    return Access(
        uri=settings.set_uri(asked.row.name, asked.row.version),
        use=asked.config.use,
        keys=trusted_publics(settings),
        revocations=settings.revocations,
        seen_sequence=asked.seen,
        hash_at_start=asked.config.hash_at_start,
    )


def run_folder(config: TrainConfig, settings: Settings, run: str) -> Path:
    """Where the checkpoints of a run lie."""
    return Path(config.out).absolute() if config.out else settings.runs_dir / run


def ready_config(name: str) -> Path:
    """The file of a ready configuration."""
    return Path(training.__file__).parent / "configs" / f"{name}.toml"


def _doc_of(config: Config) -> dict[str, Any]:
    if isinstance(config, Mapping):
        return dict(config)
    path = ready_config(str(config)) if str(config) in READY else Path(config)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}, expected a TOML file",
            code="CONFIG_INVALID",
            subject=str(path),
            way_out=f"give a TOML file with at least `set`, or one of {', '.join(READY)}",
        ) from error


def _set_id(name: str) -> str:
    """The recorded id of a set named by id, by name, or by the folder it lies in."""
    if "/" not in name:
        return name
    folder, number = name.rstrip("/").split("/")[-2:]
    return f"{folder}@{number}"
