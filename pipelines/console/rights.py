"""What each address takes: the one table of rights, for the pages and for the interface below them.

An address is named as its route writes it, with the prefix of the application that holds it. One
that no table names may be read by whoever may look, and takes no act from anybody. How much may be
sent along with a question stands here, too: it is asked of every question in one place, the gate.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import Scope

READING: Final = frozenset({"GET", "HEAD"})
# What reading takes more than the right to look.
TAKES: Final[Mapping[str, str]] = {
    "/evidence/{fact}/{sha256}": "papers",
    "/evidence/{fact}/{sha256}/bytes": "papers",
    "/sets/{set}/documents/{name}": "papers",
    "/what-if": "compute",
    "/what-if/grant": "compute",
    "/sources/{source}/rules/{rule}": "compute",
    "/requests/{request}/worklist": "compute",
    "/checkpoints/{checkpoint}/seen": "compute",
    "/log/verify": "compute",
    "/access": "watch",
    "/api/v1/evidence/{fact}/{sha256}": "papers",
    "/api/v1/sets/{set}/documents/{name}": "papers",
    "/api/v1/what-if": "compute",
    "/api/v1/what-if/grant": "compute",
    "/api/v1/access": "watch",
    "/api/v1/requests/{name}/worklist": "compute",
    "/api/v1/checkpoints/{checkpoint}/seen": "compute",
    "/api/v1/verify": "compute",
}
# What an act takes, by its method and its address. None else is taken.
ACTS: Final[Mapping[tuple[str, str], str]] = {
    ("POST", "/sign-out"): "look",
    ("POST", "/revoke"): "revoke",
    ("POST", "/signals/{fact}/settle"): "settle",
    ("POST", "/sources/{source}/attach"): "attach",
    ("POST", "/sources/{source}/rules/{rule}"): "approve",
    ("POST", "/sources/{source}/rules/{rule}/withdraw"): "approve",
    ("POST", "/api/v1/revoke"): "revoke",
    ("POST", "/api/v1/signals/{fact}/settle"): "settle",
    ("POST", "/api/v1/sources/{source}/attach"): "attach",
    ("POST", "/api/v1/sources/{source}/rules/{rule}/approve"): "approve",
    ("POST", "/api/v1/sources/{source}/rules/{rule}/withdraw"): "approve",
}
LARGEST: Final = 64 * 1024  # bytes of a body
LARGEST_PAPER: Final = 16 * 1024 * 1024  # bytes of a paper
# What may be larger: a form with a paper, or a paper in base64, which is a third longer.
LARGER: Final[Mapping[tuple[str, str], int]] = {
    ("POST", "/sources/{source}/attach"): LARGEST_PAPER + LARGEST,
    ("POST", "/api/v1/sources/{source}/attach"): LARGEST_PAPER // 3 * 4 + LARGEST,
}


def addresses(routes: Sequence[BaseRoute], at: str = "") -> Iterator[tuple[str, str]]:
    """Yield each address below `at` with each of its methods, those of mounted applications too."""
    for route in _flat(routes):
        if isinstance(route, Mount):
            yield from addresses(route.routes, at + route.path)
        elif isinstance(route, Route):
            for method in sorted(route.methods or ()):
                yield at + route.path, method


def address_of(routes: Sequence[BaseRoute], scope: Scope, at: str = "") -> str:
    """The address that answers a question, as its route writes it; "" where none does."""
    for route in _flat(routes):
        match, below = route.matches(dict(scope))
        if match is not Match.FULL:
            continue
        if isinstance(route, Mount):
            return address_of(route.routes, {**scope, **below}, at + route.path)
        return at + str(getattr(route, "path", ""))
    return ""  # the router says 404 or 405


def right_of(method: str, address: str) -> tuple[bool, str]:
    """Is the question an act, and which right does it take; "" is a right that nobody has."""
    if method in READING:
        return False, TAKES.get(address, "look")
    return True, ACTS.get((method, address), "") if address else "look"


def largest_of(method: str, address: str) -> int:
    """How many bytes may be sent along with a question."""
    return LARGER.get((method, address), LARGEST)


def _flat(routes: Sequence[BaseRoute]) -> Iterator[BaseRoute]:
    """The routes, with those of included routers in their place."""
    return (one.original_route for one in iter_route_contexts(routes))
