"""`clearway rights derive`: what a source was made from, so that rights and losses follow."""

from typing import Annotated, Any

import typer

from pipelines.cli import edge

_COLUMNS = ("output", "op", "inputs", "tool")


def derive(
    output: Annotated[str, typer.Argument(help="The source that was made.")],
    *,
    inputs: Annotated[
        list[str], typer.Option("--from", help="A source that it was made from.")
    ] = [],  # noqa: B006 - Typer reads the default and never changes it
    op: Annotated[
        str,
        typer.Option(
            help="copy, collection, adaptation (captions, cuts, restyling), fact_extraction "
            "(embeddings, poses, labels), anonymise, synthesise or produced_work."
        ),
    ] = "",
    tool: Annotated[str, typer.Option(help="What made it, and its version.")] = "",
    no_biometric: Annotated[
        bool, typer.Option("--no-biometric", help="Facts extracted identify nobody.")
    ] = False,
    void: Annotated[bool, typer.Option("--void", help="It was never made from these.")] = False,
    as_json: edge.Json = False,
) -> None:
    """Say what a source was made from: their rights lie on it, and their loss reaches it.

    Without --from it shows what is on record.
    """
    from licensing.compose.derive import Derivation
    from pipelines.attach import deriving

    if void and not inputs:
        raise typer.BadParameter("--void needs --from: what it was not made from")
    settings, at = edge.here(), edge.now()
    if void and inputs:
        deriving.void(settings, output, inputs, now=at)
    elif inputs:
        made = Derivation(
            op=op, inputs=tuple(sorted(set(inputs))), output=output, tool=tool or None,
            biometric=False if no_biometric else None,
        )  # fmt: skip
        change = deriving.derive(settings, made, now=at)
        if not as_json:
            edge.say(f"source {output}: made from {', '.join(made.inputs)}, {change}")
            return
    found = deriving.made_of(settings, output)
    if found or as_json:
        edge.show(_rows(found), _COLUMNS, as_json=as_json)
    else:
        edge.say(f"source {output}: nothing on record says that it was made from others")


def _rows(found: Any) -> list[dict[str, Any]]:  # noqa: ANN401  the type lives in a late import
    from licensing.compose.derive import derivation_doc

    return [{"tool": "", **derivation_doc(one)} for one in found]
