"""Roles, and what each may do: the one table that the console, the API and the tests read.

A right that no role holds is nobody's; an address that no table names takes no act at all.
"""

from __future__ import annotations

from typing import Final

RIGHTS: Final = {
    "look": "read pages, tables, pictures and the API",
    "papers": "open the papers behind facts and the documents of a set: they may name persons",
    "compute": "ask what takes the engine or a replay: what-ifs, worklists, verifying the log",
    "watch": "read the access log: who signed in from where, what was refused to whom",
    "attach": "attach evidence and facts to a source",
    "settle": "record what an unread signal says",
    "approve": "enable a statutory rule for a source, or take that back, as counsel",
    "revoke": "end rights, with a typed confirmation",
}
ROLES: Final = {
    "viewer": frozenset({"look"}),
    "auditor": frozenset({"look", "papers", "compute", "watch"}),
    "steward": frozenset({"look", "papers", "compute", "attach", "settle", "revoke"}),
    "counsel": frozenset({"look", "papers", "compute", "attach", "settle", "approve", "revoke"}),
    "admin": frozenset(RIGHTS),
}
