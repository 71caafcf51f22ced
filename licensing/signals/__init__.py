"""Statements of declarers about use, in one vocabulary of states, and their parsers."""

from licensing.signals.captured import c2pa_signals, header_signals, page_signals, xmp_signals
from licensing.signals.robots import robots_licences, robots_txt
from licensing.signals.rsl import rsl_bases
from licensing.signals.states import Found, read_signals
from licensing.signals.tdmrep import tdmrep_file

__all__ = [
    "Found",
    "c2pa_signals",
    "header_signals",
    "page_signals",
    "read_signals",
    "robots_licences",
    "robots_txt",
    "rsl_bases",
    "tdmrep_file",
    "xmp_signals",
]
