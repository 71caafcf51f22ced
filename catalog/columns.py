"""What the tables of the catalog have in common: one set of tables, and columns that return."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text
from sqlalchemy.schema import SchemaItem

metadata = MetaData()
SERIAL = BigInteger().with_variant(Integer, "sqlite")


def records(name: str, *columns: SchemaItem) -> Table:
    """A table of records: `seq` is the leaf of the log that vouches for the row."""
    return Table(
        name,
        metadata,
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
        *columns,
        Column("doc", Text, nullable=False),
        Column("recorded_at", String(32), nullable=False),
    )


def word(name: str, *, nullable: bool = False) -> Column[str]:
    """A column of words."""
    return Column(name, String, nullable=nullable)
