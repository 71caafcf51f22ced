"""A written agreement, clause by clause, as bases of a layer: one for each of its grants.

The mapping is total. Every key of every clause either has a field here or makes the grant unknown
(`TERM_UNMAPPED`); it is never left out. A person who has read a clause that limits nothing says so
with `immaterial`, and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from licensing.facts import reading
from licensing.facts.vocabulary import place_inside

_TOLD: Final = frozenset({"clause", "says", "immaterial"})
_BOX: Final = frozenset(
    {"actions", "territory", "release", "model_kind", "purpose", "streams", "commercial"}
)
_GRANT: Final = _BOX | {"sublicense", "valid"}
_TERM: Final = _GRANT - {"actions"}
_DUTY: Final = frozenset({"duty", "state", "trigger", "deadline", "precedent", "text"})
_TABLES: Final[dict[str, frozenset[str]]] = {
    "grants": _GRANT,
    "terms": _TERM,
    "restrictions": _BOX,
    "obligations": _DUTY,
    "on_end": frozenset({"survival", "destroy_models"}),
}


def contracts_of(instrument: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The contract bases that an agreement amounts to, in the JSON form of a layer's basis.

    Tables read: `grants`, `terms`, `restrictions`, `obligations`, `on_end`, each a list of clauses;
    and `id`, `valid`, `from`, `to`, `grade`. An agreement that grants nothing in typed clauses is
    one basis whose terms nobody has mapped. Raises BadCase for a table that is no list of objects.
    """
    tables = {name: _clauses(instrument.get(name, ()), name) for name in _TABLES}
    shared = _shared(instrument, tables)
    grants = tables["grants"]
    if not grants:
        unmapped = [*shared.get("unmapped", ()), "no clause of a grant has been mapped"]
        return ({**shared, "unmapped": sorted(unmapped)},)
    return tuple(_meet(shared, one) for one in grants)


def _shared(
    instrument: Mapping[str, Any], tables: Mapping[str, tuple[Mapping[str, Any], ...]]
) -> dict[str, Any]:
    """What holds for every grant of the agreement."""
    unmapped = sorted(
        f"{name} {one.get('clause', number)}: {key}"
        for name, known in _TABLES.items()
        for number, one in enumerate(tables[name], start=1)
        if not one.get("immaterial")
        for key in _strange(one, known)
    )
    basis: dict[str, Any] = {"type": "contract", "instrument_id": str(instrument.get("id", ""))}
    for theirs, ours in (("from", "licensor"), ("to", "licensee"), ("valid", "valid")):
        if theirs in instrument:
            basis[ours] = instrument[theirs]
    if not basis["instrument_id"]:
        del basis["instrument_id"]
    for one in _material(tables["terms"]):
        basis = _meet(basis, one)
    bars = [_only(one, _BOX) | _named(one) for one in _material(tables["restrictions"])]
    owed = [_only(one, _DUTY) | _named(one) for one in _material(tables["obligations"])]
    survival = {action for one in tables["on_end"] for action in one.get("survival", ())}
    extra: dict[str, Any] = {
        "restrictions": [one for one in bars if set(one) & _BOX],
        "obligations": [one for one in owed if "duty" in one],
        "survival": sorted(survival),
        "unmapped": unmapped,
    }
    if any(one.get("destroy_models") for one in tables["on_end"]):
        extra["on_end"] = "destroy_models"
    return basis | {key: value for key, value in extra.items() if value}


def _clauses(value: object, name: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(reading.mapping(one, name) for one in reading.sequence(value, name))


def _material(clauses: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    return (one for one in clauses if not one.get("immaterial"))


def _strange(clause: Mapping[str, Any], known: frozenset[str]) -> Iterator[str]:
    """The keys without a field; a clause that has no other key has not been mapped at all."""
    keys = set(clause) - _TOLD
    yield from sorted(keys - known)
    if not keys:
        yield "not mapped"


def _only(clause: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in clause.items() if key in known}


def _named(clause: Mapping[str, Any]) -> dict[str, str]:
    return {"clause": str(clause["clause"])} if "clause" in clause else {}


def _meet(basis: Mapping[str, Any], clause: Mapping[str, Any]) -> dict[str, Any]:
    """`basis` under the further limits of `clause`: what both allow."""
    met = dict(basis)
    for key, limit in _only(clause, _GRANT).items():
        value = _paid(limit) if key == "commercial" else limit
        met[key] = value if key not in met else _both(key, met[key], value)
    return met


def _both(key: str, first: Any, second: Any) -> Any:  # noqa: ANN401  the values of a box
    if first is None or second is None:
        return None  # one of the two was not read
    if key == "valid":
        return _common(reading.interval(first, key), reading.interval(second, key))
    if isinstance(first, bool):
        return first and reading.boolean(second, key)
    one, other = reading.texts(first, key), reading.texts(second, key)
    if key == "territory":
        inside = [place for place in one if place_inside(place, other)]
        return sorted({*inside, *(place for place in other if place_inside(place, one))})
    return sorted(set(one) & set(other))


def _common(first: reading.Interval, second: reading.Interval) -> list[Any] | None:
    """The time that lies in both, `[]` for none, null when an end is not known."""
    if not first or not second:
        return []
    days = [day for day in (*first, *second) if day is not None]
    if len(days) < 4:
        return None
    start, end = max(days[0], days[2]), min(days[1], days[3])
    return [start, end] if start < end else []


def _paid(limit: object) -> bool | None:
    """Is commercial use granted as well? Words that nobody knows are a term that was not read."""
    if isinstance(limit, bool):
        return limit
    return True if limit == "both" else None
