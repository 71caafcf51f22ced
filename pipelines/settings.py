"""Settings: where state lives and what runs the work, read once at the edge.

In: the environment and an optional `clearway.toml` in the working folder (the environment wins).
Out: one frozen `Settings`. An unknown key is an error that names the nearest known one: a mistyped
setting must not fall back to a default without a word.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import SettingsError

KNOWN = {
    "home": "CLEARWAY_HOME",
    "catalog_url": "CLEARWAY_CATALOG_URL",
    "lake": "CLEARWAY_LAKE",
    "ray_address": "RAY_ADDRESS",
    "console_url": "CLEARWAY_CONSOLE_URL",
}
NOT_SETTINGS = ("CLEARWAY_REQUIRE_SERVICES", "CLEARWAY_TEST_POSTGRES_URL", "CLEARWAY_DAGSTER_URL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where state lives (`home`, `catalog_url`, `lake`) and which Ray does the work.

    `ray_address` empty means an embedded Ray sized to this machine. `console_url` is where people
    reach the console, for links to it; empty makes none.
    """

    home: Path
    catalog_url: str
    lake: str
    ray_address: str = ""
    console_url: str = ""

    @property
    def training_sets(self) -> str:
        """URI of the folder of training sets, beside the lake, so that both share a store."""
        parent, _, last = self.lake.rstrip("/").rpartition("/")
        beside = parent if last and not parent.endswith(("/", ":")) else self.lake.rstrip("/")
        return f"{beside}/training_sets"

    def set_uri(self, name: str, version: int) -> str:
        """URI of one version of a training set."""
        return f"{self.training_sets}/{name}/{version}"

    @property
    def revocations(self) -> str:
        """URI of the signed revocation list, which stands beside the training sets."""
        return f"{self.training_sets}/revocations.dsse.json"

    @property
    def lake_is_local(self) -> bool:
        """Whether the lake is a folder of this machine."""
        return "://" not in self.lake

    @property
    def keys_dir(self) -> Path:
        """Folder of the signing keys."""
        return self.home / "keys"

    @property
    def dagster_home(self) -> Path:
        """Folder of Dagster's own state."""
        return self.home / "dagster"

    @property
    def runs_dir(self) -> Path:
        """Folder of training runs: checkpoints, curves, pictures."""
        return self.home / "runs"

    @property
    def locks_dir(self) -> Path:
        """Folder of the per-source lock files of an embedded catalog."""
        return self.home / "locks"

    @property
    def scratch(self) -> Path:
        """Folder of temporary files, safe to delete when nothing runs."""
        return self.home / "scratch"

    def environ(self) -> dict[str, str]:
        """The same settings as variables, for a process that we start."""
        values = {
            "CLEARWAY_HOME": str(self.home),
            "CLEARWAY_CATALOG_URL": self.catalog_url,
            "CLEARWAY_LAKE": self.lake,
        }
        further = {"RAY_ADDRESS": self.ray_address, "CLEARWAY_CONSOLE_URL": self.console_url}
        return values | {name: value for name, value in further.items() if value}


def read_settings(environ: Mapping[str, str] | None = None, folder: Path | None = None) -> Settings:
    """Read the settings of this process from the environment and `clearway.toml` in `folder`.

    Raises:
        SettingsError: SETTING_UNKNOWN for a key nobody knows, SETTING_INVALID for a value of the
            wrong kind or a file that is not TOML.
    """
    environ = os.environ if environ is None else environ
    folder = (folder or Path.cwd()).absolute()
    values = _from_file(folder / "clearway.toml") | _from_environment(environ)
    home = (folder / Path(values.get("home") or ".clearway").expanduser()).absolute()
    lake = values.get("lake") or str(home / "lake")
    catalog_url = values.get("catalog_url") or f"sqlite:///{home}/catalog.sqlite"
    if "://" not in catalog_url:
        raise SettingsError(
            f"catalog_url is {catalog_url!r}, expected sqlite:///PATH or postgresql+psycopg://…",
            code="SETTING_INVALID",
            subject="catalog_url",
            way_out="give the address of a database, or leave it out for SQLite in the home",
        )
    console_url = values.get("console_url", "").rstrip("/")
    if console_url and not console_url.startswith(("http://", "https://")):
        raise SettingsError(
            f"console_url is {console_url!r}, expected http://… or https://…",
            code="SETTING_INVALID",
            subject="console_url",
            way_out="give the address at which people reach the console, or leave it out",
        )
    return Settings(
        home=home,
        catalog_url=catalog_url,
        lake=lake if "://" in lake else str((folder / Path(lake).expanduser()).absolute()),
        ray_address=values.get("ray_address", ""),
        console_url=console_url,
    )


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    for name in environ:
        if name.startswith("CLEARWAY_") and name not in (*KNOWN.values(), *NOT_SETTINGS):
            raise _unknown(name, tuple(KNOWN.values()), "the environment")
    return {key: environ[name] for key, name in KNOWN.items() if environ.get(name)}


def _from_file(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path}: not a TOML file: {error}",
            code="SETTING_INVALID",
            subject=str(path),
            way_out="mend the file, or remove it to use the defaults",
        ) from error
    for key, value in content.items():
        if key not in KNOWN:
            raise _unknown(key, tuple(KNOWN), str(path))
        if not isinstance(value, str):
            raise SettingsError(
                f"{path}: {key} is {value!r}, expected a string",
                code="SETTING_INVALID",
                subject=key,
                way_out=f'write {key} = "…"',
            )
    return content


def _unknown(name: str, known: tuple[str, ...], where: str) -> SettingsError:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
    return SettingsError(
        f"{where}: unknown setting {name}; the nearest known one is {nearest}",
        code="SETTING_UNKNOWN",
        subject=name,
        way_out=f"use {nearest}, or remove it; known are {', '.join(known)}",
    )
