"""The documents keep up with the code: modules, settings, commands, files that they name."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("licensing", "catalog", "pipelines", "training")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += sorted((ROOT / "docs/readers").glob("*.md"))


def test_architecture_page_lists_every_module(request):
    page = ROOT / "docs/architecture.md"
    text = page.read_text(encoding="utf-8")
    start, end = text.index("-->\n", text.index("<!-- modules:")) + 4, text.index("<!-- end of")
    now = text[:start] + "".join(_tree(package) for package in PACKAGES) + text[end:]
    if request.config.getoption("--write-golden"):
        page.write_text(now, encoding="utf-8")

    assert page.read_text(encoding="utf-8") == now


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_links_exist(page):
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8"))

    assert not [link for link in links if not (page.parent / link).exists()]


def test_every_setting_is_documented():
    from pipelines.settings import KNOWN

    page = (ROOT / "docs/operate.md").read_text(encoding="utf-8")

    assert not [name for pair in KNOWN.items() for name in pair if name not in page]


def test_every_code_of_training_is_documented():
    page = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
    sources = [one.read_text(encoding="utf-8") for one in (ROOT / "training").rglob("*.py")]
    codes = {code for text in sources for code in re.findall(r'code="([A-Z_]+)"', text)}

    assert "LOSS_NOT_FINITE" in codes
    assert not sorted(code for code in codes if f"`{code}`" not in page)


def test_every_place_and_scheme_of_signals_is_documented():
    from licensing.facts.layers import SCHEMES
    from pipelines.statements import BY_NAME, BY_SUFFIX

    page = (ROOT / "docs/signals.md").read_text(encoding="utf-8")
    named = {*BY_NAME, *BY_SUFFIX, *SCHEMES} - {".pdf", ".epub", "tdmrep"}

    assert not sorted(name for name in named if f"{name}`" not in page)


def test_every_command_in_a_page_exists():
    from typer.main import get_command

    from pipelines.cli import app

    command = get_command(app)
    said = {line for page in PAGES for line in _commands(page.read_text(encoding="utf-8"))}

    assert said
    assert not sorted(line for line in said if not _known(command, line.split()[1:]))


def test_the_two_commands_of_the_readme_are_targets():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    for target in ("demo", "test"):
        assert f"make {target}" in readme
        assert f"\n{target}: " in makefile


def _tree(package):
    lines = [f"\n### `{package}/`\n\n"]
    for path in sorted((ROOT / package).rglob("*.py")):
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        if path.name == "__init__.py" and path.parent != ROOT / package and not doc:
            continue
        name = path.relative_to(ROOT).as_posix().removesuffix("/__init__.py")
        lines.append(f"* `{name}`: {doc.splitlines()[0] if doc else ''}\n")
    return "".join(lines)


def _commands(text):
    for block in re.findall(r"```(?:sh|console|)\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            found = re.match(r"(?:\$ )?(clearway [a-z][^#|]*)", line.strip())
            if found:
                yield found.group(1).strip()


def _known(command, words):
    for word in words:
        commands = getattr(command, "commands", None)
        if commands is None:
            return True
        if word not in commands:
            return False
        command = commands[word]
    return getattr(command, "commands", None) is None
