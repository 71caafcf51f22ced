"""The house rules that no linter knows: contracts, sizes, names, a light command line."""

import ast
import importlib
import pickle
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("licensing", "catalog", "pipelines", "training")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
DATA = {".json", ".toml"}
VAGUE = re.compile(
    r"(^|_)(utils?|common|helpers?|base|misc|managers?|services?|impl|v2|new|final)$"
)
HEAVY = ("ray", "torch", "lance", "dagster", "pyarrow", "sqlalchemy", "numpy", "av")


def test_import_contracts_hold():
    """In a process of its own: the linter disables every logger that it finds."""
    lint = (
        "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    )
    told = subprocess.run([sys.executable, "-c", lint], cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_keeps_the_house_rules(path):
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    exempt = "migrations/versions" in path.as_posix()
    long = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > 50
    ]

    assert exempt or len(text.splitlines()) <= 300
    assert exempt or not long
    assert not VAGUE.search(path.stem)
    assert not re.search(r"TODO(?!\(#\d+\): )", text)
    if {"defs", "cli", "console"} & set(path.relative_to(ROOT).parts):
        assert "from __future__ import annotations" not in text


def test_help_starts_light():
    code = (
        "import sys; sys.argv = ['clearway', '--help']\n"
        "from pipelines.cli import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        f"heavy = [m for m in {HEAVY!r} if m in sys.modules]\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert done.returncode == 0, done.stderr


def test_every_error_survives_the_way_back_from_a_worker():
    for package in PACKAGES:
        importlib.import_module(f"{package}.errors")
    root = importlib.import_module("licensing.errors").ClearwayError

    for kind in _below(root):
        error = pickle.loads(pickle.dumps(kind("what", code="C", subject="s", way_out="w")))
        assert (str(error), error.code, error.subject, error.way_out) == ("what", "C", "s", "w")


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_its_data(tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
    subprocess.run([*command, str(tmp_path), str(ROOT)], check=True, capture_output=True)
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    data = [path for one in PACKAGES for path in (ROOT / one).rglob("*.*") if path.suffix in DATA]
    tree = {path.relative_to(ROOT).as_posix() for path in (*SOURCES, *data)}

    assert tree <= names


def test_no_packet_reaches_a_decoder_without_its_padding():
    """Decoders read past a packet's end: `av.Packet(bytes)` has no padding, `update` adds it."""
    unpadded = re.compile(r"av\.Packet\((?!len\(|size\)|\))")

    assert not [path for path in SOURCES if unpadded.search(path.read_text(encoding="utf-8"))]


def _below(kind):
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)
