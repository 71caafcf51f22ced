"""The rules as data: what every licence and statutory exception allows, with citations.

The TOML files of this package come in, once; a frozen `Rulebook` with its digest goes out. A clause
form is written once (`clauses.toml`), a licence names its clauses and cites the section of each.
"""

from licensing.rulebook.loading import load_rulebook, read_rulebook
from licensing.rulebook.model import Clause, Licence, Rulebook, plain_name

__all__ = ["Clause", "Licence", "Rulebook", "load_rulebook", "plain_name", "read_rulebook"]
