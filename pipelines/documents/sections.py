"""A form in numbered sections: what each says by field, what is missing, the object and the page.

In: the facts and how each section is made of them. Out: a JSON object and lines of Markdown that
say the same. A field that neither a fact nor an answer fills is absent and named as missing. What a
form asks about is more than one training set: made of one alone it is a draft, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.documents.facts import DocumentFacts
from pipelines.documents.forms import answer, json_bytes, lacking, text_bytes
from pipelines.documents.markdown import plain, table
from pipelines.documents.required import no_draft

HIDDEN = "sources"  # ids of ours, to reconcile documents: no form asks for them


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One numbered part of a form: what it says by field, and which fields are missing."""

    values: Mapping[str, Any]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form: its title, what it asks about, and its sections by number and title."""

    title: str
    asks_about: str
    sections: tuple[tuple[str, str, Callable[[DocumentFacts], Section]], ...]


def form_files(facts: DocumentFacts, form: Form, name: str, *, draft: bool) -> dict[str, bytes]:
    """A filled form as page and as JSON, under `name`.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING, where the final form lacks a field.
    """
    return {
        f"{name}.md": text_bytes([*form_page(facts, form, draft=draft)]),
        f"{name}.json": json_bytes(form_doc(facts, form, draft=draft)),
    }


def form_doc(facts: DocumentFacts, form: Form, *, draft: bool) -> dict[str, Any]:
    """A filled form as JSON.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING, where the final form lacks a field.
    """
    missing = missing_of(facts, form)
    if not draft:
        no_draft(facts, missing, document=form.title)
    return {
        "form": form.title,
        "status": _status(draft=draft),
        "about": {"training_set": facts.described, "content_sha256": facts.content_digest},
        "missing": list(missing),
        **{number: dict(make(facts).values) for number, _, make in form.sections},
    }


def form_page(facts: DocumentFacts, form: Form, *, draft: bool) -> Iterator[str]:
    """A filled form as lines of Markdown."""
    yield from (f"# {form.title}: {_status(draft=draft)}", "")
    if draft:
        yield from (
            f"This is a draft. It describes one training set, {plain(facts.set_id)}; the form asks "
            f"about {form.asks_about}.",
            "",
        )
    yield from (f"Content sha256 of the training set: `{facts.content_digest}`.", "")
    for number, title, make in form.sections:
        section = make(facts)
        yield from (f"## {number.capitalize()} {title}", "")
        for name, value in section.values.items():
            if name != HIDDEN:
                yield from _field(name.replace("_", " "), value)
        yield from (f"* {lacking(field)}" for field in section.missing)
        if not section.values and not section.missing:
            yield "* nothing was said"
        yield ""


def missing_of(facts: DocumentFacts, form: Form) -> tuple[str, ...]:
    """The fields of a form that neither a fact nor an answer fills."""
    return tuple(name for _, _, make in form.sections for name in make(facts).missing)


def asked(facts: DocumentFacts, prefix: str, *names: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """What was answered to the fields `prefix.name`, and those that nobody answered."""
    said = {name: answer(facts, f"{prefix}.{name}") for name in names}
    lost = tuple(f"{prefix}.{name}" for name, text in said.items() if not text)
    return {name: text for name, text in said.items() if text}, lost


def _status(*, draft: bool) -> str:
    return "draft" if draft else "final"


def _field(label: str, value: object) -> Iterator[str]:
    """A field as a line, or as a table where it holds several things of several parts."""
    if isinstance(value, bool):
        yield f"* {label}: {'yes' if value else 'no'}"
    elif isinstance(value, Mapping):
        told = ", ".join(f"{name}: {each}" for name, each in value.items())
        yield f"* {label}: {plain(told) or 'none'}"
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from _several(label, value)
    else:
        yield f"* {label}: {plain(value)}"


def _several(label: str, values: Sequence[Any]) -> Iterator[str]:
    if not values or not isinstance(values[0], Mapping):
        yield f"* {label}: {plain(', '.join(map(str, values))) or 'none'}"
        return
    heads = list(dict.fromkeys(key for one in values for key in one))
    rows = [[_cell(one.get(key)) for key in heads] for one in values]
    yield from (f"* {label}:", "", *table([key.replace("_", " ") for key in heads], rows), "")


def _cell(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "", True: "yes", False: "no"}[value]
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
