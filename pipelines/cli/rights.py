"""`clearway rights …`: facts, cases, decisions and their proofs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli import counsel, derive, edge, settling, signals
from pipelines.errors import RegistrationError

if TYPE_CHECKING:
    from pipelines.audit.standing import Standing

rights = typer.Typer(
    no_args_is_help=True, help="Attach rights facts, settle, approve, decide and explain."
)


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file under `clearway`."""
    rights.command("derive")(derive.derive)
    settling.add_to(rights)
    counsel.add_to(rights)
    app.add_typer(rights, name="rights")


@rights.command("attach")
def rights_attach(
    source: Annotated[str, typer.Argument(help="Registered source.")],
    *,
    file: Annotated[
        Path | None, typer.Option(help="TOML with instrument, layer, consent and signal tables.")
    ] = None,
    licence: Annotated[str, typer.Option(help="Public licence, as written.")] = "",
    evidence: Annotated[
        Path | None, typer.Option(help="The paper that proves it; its bytes are kept.")
    ] = None,
    grade: Annotated[str, typer.Option(help="E0 … E4, see RIGHTS: strength of the evidence.")] = "",
    layer: Annotated[str, typer.Option(help="Which right.")] = "copyright",
    stream: Annotated[str, typer.Option(help="Only this rights stream.")] = "",
    contract: Annotated[str, typer.Option(help="Number of a signed agreement.")] = "",
    consent: Annotated[str, typer.Option(help="Actions that a person consented to, a,b.")] = "",
    actions: Annotated[str, typer.Option(help="Actions that the agreement grants, a,b.")] = "",
    territory: Annotated[str, typer.Option(help="Where, ISO codes or WORLD, a,b.")] = "",
    valid_from: Annotated[str, typer.Option(help="First day, 2026-01-01.")] = "",
    valid_to: Annotated[str, typer.Option(help="First day after the end.")] = "",
    settled: Annotated[
        list[str], typer.Option(help="A question of the checklist and its answer, HEADING=WORDS.")
    ] = [],  # noqa: B006 - Typer reads the default and never changes it
) -> None:
    """Attach a licence, agreement, consent or a file of facts to a source."""
    from pipelines.attach.papers import paper_at
    from pipelines.attach.station import attach_doc, attach_terms
    from pipelines.attach.terms import Terms
    from pipelines.register import read_file

    settings, at = edge.here(), edge.now()
    if file is not None:
        doc = read_file(file)
        done = attach_doc(settings, source, doc, folder=file.parent, now=at)
    else:
        terms = Terms(
            licence=licence,
            contract=contract,
            consent=consent,
            grade=grade,
            layer=layer,
            stream=stream,
            actions=actions,
            territory=territory,
            valid_from=valid_from,
            valid_to=valid_to,
            settled=tuple(settled),
        )
        paper = None if evidence is None else paper_at(evidence)
        done = attach_terms(settings, source, terms, evidence=paper, now=at)
    edge.say(f"source {source}: {done.summary()}")


@rights.command("show")
def rights_show(source: str, *, as_json: edge.Json = False) -> None:
    """Show the layers of a source as the engine reads them today, and where its signals stand."""
    from catalog import sources
    from catalog.personal import aloud
    from catalog.rights import layers_of
    from pipelines.audit.signals import ACTION, signal_rows

    with edge.records(edge.here()) as session:
        found = sources.source(session, source)
        layers = aloud(session, layers_of(session, found.source_id, known=None))
        stated = signal_rows(session, found.source_id)
    edge.show(layers, ("layer", "stream", "part", "basis", "signals"), as_json=as_json)
    if as_json or stated:
        title = f"signals, and what they say to {ACTION}"
        rows = stated if as_json else signals.shortened(stated)
        edge.show(rows, signals.COLUMNS, as_json=as_json, title=title)


@rights.command("decide")
def rights_decide(
    file: Annotated[Path, typer.Argument(help="One case or a list of cases (JSON).")],
) -> None:
    """Decide self-contained cases; one JSON line a case, exit 0 whatever the verdicts."""
    from licensing.decide import decide_case
    from licensing.rulebook import load_rulebook

    rulebook = load_rulebook()
    edge.show((decide_case(case, rulebook) for case in _cases(file)), (), as_json=True)


@rights.command("explain")
def rights_explain(
    what: Annotated[str, typer.Argument(help="Decision id, or a JSON file of cases.")],
    *,
    as_json: edge.Json = False,
) -> None:
    """Say in words why a decision came out as it did, its proof, and what would turn it."""
    from licensing.explain import decision_unlocks, explain, proof_lines
    from licensing.facts import decision_doc
    from licensing.rulebook import load_rulebook

    for decision, standing in _decisions(what):
        unlock = decision_unlocks(decision, load_rulebook())
        if as_json:
            stands = standing.line() if standing else {}
            edge.show([{**decision_doc(decision), "unlock": unlock, **stands}], (), as_json=True)
            continue
        edge.say(explain(decision))
        edge.say("\n".join(proof_lines(decision)))
        if standing:
            edge.say(f"Standing: {standing.words()}.")
        if decision.verdict.word != "permit":
            edge.say(_unlocking(unlock))


@rights.command("diff")
def rights_diff(
    first: Annotated[str, typer.Argument(help="Folder of a rulebook's TOML files, or `current`.")],
    second: Annotated[str, typer.Argument(help="The rulebook to compare with, likewise.")],
    *,
    cases: Annotated[
        Path | None, typer.Option(help="Decide these cases (JSON) in place of the records.")
    ] = None,
) -> None:
    """List the recorded decisions that a changed rulebook would change, one JSON line each."""
    from dataclasses import asdict

    from licensing.explain import changed_decisions

    recorded = _recorded() if cases is None else _decided(cases)
    found = changed_decisions(recorded, _rulebook(first), _rulebook(second))
    edge.show([asdict(one) for one in found], (), as_json=True)


def _cases(file: Path) -> list[Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
    except (OSError, ValueError, RecursionError) as error:
        raise RegistrationError(
            f"{file}: not readable as JSON: {error}",
            code="FILE_UNREADABLE",
            subject=str(file),
            way_out="give a JSON file that holds one case or a list of cases",
        ) from error
    return content if isinstance(content, list) else [content]


class _Twice:
    """The value of a field that an object states twice: no reader takes it."""

    def __str__(self) -> str:
        return "stated twice"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        found |= {name: _Twice() for name in names if names.count(name) > 1}
    return found


def _case(doc: object) -> dict[str, Any]:
    if isinstance(doc, dict) and {"layers", "request"} <= doc.keys():
        return doc
    raise RegistrationError(
        f"{json.dumps(doc)[:80]}: not a case, expected an object with layers and request",
        code="BAD_CASE:case",
        way_out="`clearway rights decide FILE` judges each case of the file by itself",
    )


def _decisions(what: str) -> "list[tuple[Any, Standing | None]]":
    """Decisions, and how each stands if it is on record."""
    if Path(what).suffix == ".json":
        from licensing.decide import decide
        from licensing.facts import read_layers
        from licensing.request import read_request
        from licensing.rulebook import load_rulebook

        return [
            (
                decide(read_layers(one["layers"]), read_request(one["request"]), load_rulebook()),
                None,
            )
            for one in map(_case, _cases(Path(what)))
        ]
    from catalog.decisions import decision
    from catalog.personal import aloud
    from licensing.facts import Decision, Verdict
    from pipelines.audit.standing import standings

    with edge.records(edge.here()) as session:
        row = decision(session, what)
        (standing,) = standings(session, [row])
        said = aloud(session, dict(row.doc))
    return [(Decision(**{**said, "verdict": Verdict.of_word(row.doc["verdict"])}), standing)]


def _unlocking(unlock: tuple[tuple[str, ...], ...]) -> str:
    """What would turn a decision: the smallest sets of new grants or answers, one a line."""
    if not unlock:
        return "No set of three or fewer new grants or answers would permit it."
    return "\n".join(["It would be permitted with", *(f"  {' and '.join(one)}" for one in unlock)])


def _recorded() -> list[tuple[str, dict[str, Any]]]:
    from catalog.decisions import decisions

    with edge.records(edge.here()) as session:
        return [(one.decision_id, dict(one.doc)) for one in decisions(session)]


def _decided(file: Path) -> list[tuple[str, dict[str, Any]]]:
    from licensing.facts import decision_doc

    names = [str(case.get("id")) for case in _cases(file)]
    return list(zip(names, (decision_doc(one) for one, _ in _decisions(str(file))), strict=True))


def _rulebook(where: str) -> Any:  # noqa: ANN401  the type lives in a module imported late
    from licensing.rulebook import load_rulebook, read_rulebook

    if where == "current":
        return load_rulebook()
    files = {one.stem: one.read_bytes() for one in sorted(Path(where).glob("*.toml"))}
    if not files:
        raise RegistrationError(
            f"{where}: no TOML file of a rulebook",
            code="FILE_UNREADABLE",
            subject=where,
            way_out="give a folder with the rulebook's *.toml files, or the word current",
        )
    return read_rulebook(files)
