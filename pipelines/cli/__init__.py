"""`clearway VERB`: every station from the command line.

Verbs import their stations when they run, so that `clearway --help` loads none of the heavy
libraries. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
"""

import sys

import typer

from licensing.errors import ClearwayError
from pipelines.cli import (
    accounts,
    audit,
    catalog,
    demo,
    documents,
    erase,
    evaluating,
    home,
    lake,
    licences,
    releases,
    requests,
    revoke,
    rights,
    sets,
    sources,
    training,
)

app = typer.Typer(
    name="clearway",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="From registered recordings to a model that was trained on cleared data only.",
)
VERBS = (
    *(home, catalog, sources, rights, requests, licences, lake),
    *(sets, documents, training, evaluating, releases, audit, revoke, erase, demo),
    accounts,
)
for module in VERBS:
    module.add_to(app)


def main() -> None:
    """Run the command line; our own errors become one line, a way out and exit code 1."""
    try:
        app()
    except ClearwayError as error:
        _report(error)
        sys.exit(1)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)  # noqa: T201 - the edge speaks to a terminal
        sys.exit(1)


def _report(error: ClearwayError) -> None:
    lines = [f"error {error.code}: {error}" if error.code else f"error: {error}"]
    lines += [f"  way out: {error.way_out}"] if error.way_out else []
    print("\n".join(lines), file=sys.stderr)  # noqa: T201 - the edge speaks to a terminal
