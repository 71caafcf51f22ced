"""Statements of declarers about use, in one vocabulary of states, and their parsers."""

from licensing.signals.states import Found, read_signals
from licensing.signals.tdmrep import tdmrep_file

__all__ = ["Found", "read_signals", "tdmrep_file"]
