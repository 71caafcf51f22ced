"""Sources, those who hold rights in them, and what is held in quarantine: the lists."""

from collections.abc import Collection, Mapping

from catalog import mentions, requests, rights
from catalog.errors import NotFound
from catalog.pages.nouns import parties_page, quarantine_page, sources_page
from catalog.pages.paging import Window
from catalog.parties import Party, party
from catalog.sources import Source
from pipelines.console.blocks import (
    Block,
    Cell,
    Column,
    Field,
    Form,
    Link,
    Page,
    Read,
    Row,
    Table,
    Terms,
    fixed,
    path,
)
from pipelines.console.overview import age, source_link
from pipelines.console.sums import (
    UNDECIDED,
    VERDICTS,
    Decided,
    OfSource,
    decided,
    named_request,
    sources_with,
    standings,
)
from pipelines.console.view import View
from pipelines.register import MODALITIES

_MODALITIES = ("", *MODALITIES)
_ANY = ("", *VERDICTS, UNDECIDED)


def source_list(view: View) -> Page:
    """Build the list of sources, each with its verdict under one request."""
    asked = named_request(view, view.text("request"))
    under = None if asked is None else decided(view, asked)
    blocks: list[Block] = [_search(view, under)]
    if under is not None:
        blocks += age(under, view)
    blocks.append(
        Table(
            name="sources", title="Sources",
            columns=_columns(under), empty="No source is so.",
            read=_read(view, under),
        )
    )  # fmt: skip
    return Page(title="Sources", blocks=tuple(blocks))


def party_list(view: View) -> Page:
    """Build the list of parties."""

    def read(window: Window) -> tuple[list[Row], str]:
        found, after = parties_page(view.session, window, words=view.text("q"))
        return [_party_row(one) for one in found], after

    ask = Form(
        title="", action="/parties", button="Filter",
        fields=(Field(name="q", label="Words in id or name", value=view.text("q")),),
    )  # fmt: skip
    columns = (
        Column(name="id", title="Party"), Column(name="name", title="Name"),
        Column(name="kind", title="Kind"), Column(name="jurisdiction", title="Jurisdiction"),
        Column(name="fictional", title="Fictional"),
    )  # fmt: skip
    table = Table(name="parties", title="Parties", columns=columns, read=read,
                  empty="No party is so.")  # fmt: skip
    return Page(title="Parties", blocks=(ask, table))


def party_page(view: View) -> Page:
    """Build the page of one party: what it owns, what it gave."""
    found = party_known(view, view.path["party"])

    def owned(window: Window) -> tuple[list[Row], str]:
        rows, after = sources_page(view.session, window, owner=found.party_id)
        return [_source_row(one, None) for one in rows], after

    given = mentions.named(view.session, mentions.PARTY, [found.party_id])
    facts = rights.facts_by_id(view.session, (one.subject for one in given))
    rows: list[Row] = [
        {
            "kind": one.kind, "source": source_link(one.source_id),
            "what": str(one.doc.get("id") or one.doc.get("instrument_id") or
                        one.doc.get("layer") or ""),
            "fact": one.fact_id,
        }
        for one in facts
    ]  # fmt: skip
    columns = (
        Column(name="kind", title="Fact"), Column(name="what", title="What"),
        Column(name="source", title="Source"), Column(name="fact", title="Id", kind="code"),
    )  # fmt: skip
    return Page(
        title=found.name,
        trail=(Link(text="Parties", href="/parties"),),
        blocks=(
            Terms(rows=tuple((name, cell) for name, cell in _party_row(found).items()
                             if name != "name")),
            Table(name="owned", title="Sources of this party", columns=_columns(None), read=owned,
                  empty="It owns no source."),
            Table(name="given", title="Facts that name it", columns=columns, read=fixed(rows),
                  empty="No fact names it."),
        ),
    )  # fmt: skip


def party_known(view: View, wanted: str) -> Party:
    """The party of this id; one that facts or sources name need not be registered."""
    try:
        found = party(view.session, wanted)
    except NotFound:
        found = None
    if found is not None and found.party_id == wanted:
        return found
    owned, _ = sources_page(view.session, Window(limit=1), owner=wanted)
    if owned or mentions.named(view.session, mentions.PARTY, [wanted]):
        return Party(party_id=wanted, name=wanted, kind="named, not registered")
    return found or party(view.session, wanted)


def quarantine(view: View) -> Page:
    """Build the list of everything that is held in quarantine."""
    return Page(title="Quarantine", blocks=(quarantine_table(view, ""),))


def quarantine_table(view: View, source_id: str) -> Table:
    """Build the table of what is held, of one source or, with "", of all."""

    def read(window: Window) -> tuple[list[Row], str]:
        found, after = quarantine_page(view.session, source_id, window)
        rows: list[Row] = [
            {
                "source": source_link(one["source_id"]), "path": one["path"],
                "reason": one["reason"], "reader": one["reader"],
                "again": "yes" if one["retryable"] else "no", "evidence": _evidence(one),
                "sha256": one["sha256"],
            }
            for one in found
        ]  # fmt: skip
        return rows, after

    columns = (
        Column(name="path", title="File"), Column(name="reason", title="Reason", kind="code"),
        Column(name="evidence", title="Evidence"), Column(name="source", title="Source"),
        Column(name="reader", title="Reader"), Column(name="again", title="May be tried again"),
        Column(name="sha256", title="sha256", kind="code"),
    )  # fmt: skip
    return Table(name="quarantine", title="Held in quarantine", columns=columns, read=read,
                 empty="Nothing is held.")  # fmt: skip


def _evidence(doc: Mapping[str, object]) -> str:
    said = doc["evidence"]
    return str(said) if not isinstance(said, dict) else ", ".join(
        f"{name} {value}" for name, value in said.items()
    )  # fmt: skip


def _search(view: View, under: Decided | None) -> Form:
    fields = [
        Field(name="q", label="Words in id, title or address", value=view.text("q")),
        Field(name="modality", label="Modality", value=view.text("modality"),
              choices=tuple((one, one or "any") for one in _MODALITIES)),
    ]  # fmt: skip
    if under is not None:
        names = [(one.name, one.name) for one in requests.requests(view.session)]
        fields.append(
            Field(name="request", label="Under request", value=under.request, choices=tuple(names))
        )
        fields.append(
            Field(name="verdict", label="Verdict", value=view.text("verdict"),
                  choices=tuple((one, one or "any") for one in _ANY))
        )  # fmt: skip
    return Form(title="", action="/sources", fields=tuple(fields), button="Filter")


def _columns(under: Decided | None) -> tuple[Column, ...]:
    own = (
        Column(name="id", title="Source"), Column(name="modality", title="Modality"),
        Column(name="title", title="Title"), Column(name="owner", title="Owner"),
    )  # fmt: skip
    if under is None:
        return own
    return (
        *own, Column(name="verdict", title=f"Under {under.request}", kind="verdict"),
        Column(name="hours", title="Recordings", kind="hours"),
    )  # fmt: skip


def _read(view: View, under: Decided | None) -> Read:
    """Read the sources that the address asks for."""
    verdict = view.choice("verdict", _ANY)
    chosen: Collection[str] | None = None
    if under is not None and verdict:
        chosen = sources_with(view, under, verdict)

    def read(window: Window) -> tuple[list[Row], str]:
        found, after = sources_page(
            view.session, window, words=view.text("q"),
            modality=view.choice("modality", _MODALITIES), only=chosen,
        )  # fmt: skip
        if under is None:
            return [_source_row(one, None) for one in found], after
        stand = standings(view, [under], [one.source_id for one in found])[under.request]
        return [_source_row(one, stand[one.source_id]) for one in found], after

    return read


def _source_row(source: Source, own: OfSource | None) -> Row:
    row: dict[str, Cell] = {
        "id": source_link(source.source_id), "modality": source.modality, "title": source.title,
        "owner": party_link(source.owner),
    }  # fmt: skip
    if own is not None:
        row |= {"verdict": own.verdict, "hours": own.hours}
    return row


def _party_row(party: Party) -> Row:
    return {
        "id": party_link(party.party_id), "name": party.name, "kind": party.kind,
        "jurisdiction": party.jurisdiction, "fictional": "yes" if party.fictional else "no",
    }  # fmt: skip


def party_link(party_id: str) -> Link | None:
    """A party, as a link to its page; None for nobody."""
    return Link(text=party_id, href=path("parties", party_id)) if party_id else None
