"""The registry: each reader is a line, a module and a page; folders, extras and named readers."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.ingest.planning import work_key
from pipelines.readers import READERS
from pipelines.readers.formats import Claim, Extra
from pipelines.readers.registry import readers
from tests.pipelines.readers import many
from tests.pipelines.readers.recordings import film, lines, planned

ROOT = Path(__file__).parents[3]
SECTIONS = ("What is taken", "Options", "Clock", "What is not read", "Reasons")


@pytest.mark.parametrize("name", READERS)
def test_a_reader_is_a_line_a_module_and_a_page(name):
    page = ROOT / f"docs/readers/{name}.md"
    headings = [line[3:] for line in page.read_text().splitlines() if line.startswith("## ")]

    assert READERS[name].startswith(f"{name}@")
    assert readers()[name].kinds
    assert [name for name in headings if name != "Damage"] == list(SECTIONS)
    assert f"]({name}.md)" in (ROOT / "docs/readers/README.md").read_text()


def test_no_module_declares_a_reader_that_has_no_line():
    modules = (ROOT / "pipelines/readers").glob("*.py")
    declared = {path.stem for path in modules if "\nREADER = " in path.read_text()}

    assert declared == set(READERS)


def together(listing):
    """Claim all `.many` files of each folder that has an index."""
    for path in listing.kinds:
        if path.endswith("index.txt") and "many" in listing.text(path):
            folder = path.removesuffix("index.txt")
            own = [each for each in listing.kinds if each.startswith(folder)]
            yield Claim(
                files=tuple(each for each in own if each.endswith(".many")), companions=(path,)
            )


def a_set(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True)
    (folder / "index.txt").write_text("many\n")
    for number, name in enumerate(names):
        (folder / name).write_text(f"{number} 5\n")


def test_a_folder_is_one_group_and_the_rest_of_it_goes_its_own_way(tmp_path, monkeypatch):
    many.register(monkeypatch, group=together)
    a_set(tmp_path / "a", "x.many", "y.many")
    (tmp_path / "a/empty.many").write_bytes(b"")
    film(tmp_path / "a/stray.mp4")

    plan = planned(tmp_path)

    assert [
        (one.reader, [each.path for each in one.files], [each.path for each in one.companions])
        for one in plan.groups
    ] == [
        ("video", ["a/stray.mp4"], []),
        ("many", ["a/x.many", "a/y.many"], ["a/index.txt"]),
    ]
    assert [(line.path, line.status, line.reason) for line in plan.files] == [
        ("a/empty.many", "quarantined", "EMPTY_FILE"),
        ("a/index.txt", "companion", ""),
    ]


def test_names_inside_a_claimed_folder_are_part_of_the_work_but_its_place_is_not(
    tmp_path, monkeypatch
):
    many.register(monkeypatch, group=together)
    a_set(tmp_path / "one/a", "x.many", "y.many")
    a_set(tmp_path / "two/b/c", "x.many", "y.many")
    a_set(tmp_path / "three/a", "x.many", "z.many")

    keys = [work_key(planned(tmp_path / name).groups[0], {}) for name in ("one", "two", "three")]

    assert keys[0] == keys[1] != keys[2]


def test_a_missing_extra_says_which_line_installs_it(tmp_path, monkeypatch):
    many.register(monkeypatch, group=together, extra=Extra(name="many", module="no_such_module"))
    a_set(tmp_path / "a", "x.many")

    plan = planned(tmp_path)

    assert plan.groups == ()
    assert {line.path: (line.status, line.reason) for line in plan.files} == {
        "a/index.txt": ("companion", ""),
        "a/x.many": ("unsupported", "UNSUPPORTED_FORMAT"),
    }
    assert plan.files[1].evidence["way_out"] == "pip install 'clearway[many]'"


def test_the_reader_that_a_source_names_is_asked_first(tmp_path, monkeypatch):
    many.register(monkeypatch, kinds=("jsonl",), sniff=None)
    lines(tmp_path / "a.jsonl", [{"t_ns": n} for n in range(3)])

    assert [planned(tmp_path, name).groups[0].reader for name in ("auto", "many")] == [
        "events",
        "many",
    ]


def test_every_extra_is_one_of_the_project():
    wanted = {reader.extra.name for reader in readers().values() if reader.extra}
    project = (ROOT / "pyproject.toml").read_text()

    assert not [name for name in wanted if f"\n{name} = [" not in project]
