"""Statements of declarers about use, in one vocabulary of states, and their parsers."""

from licensing.signals.headers import header_licences, header_signals, read_headers
from licensing.signals.language import natural_language, plain_text
from licensing.signals.manifests import c2pa_signals
from licensing.signals.pages import page_licences, page_signals
from licensing.signals.pdf import pdf_signals
from licensing.signals.robots import robots_licences, robots_site, robots_txt
from licensing.signals.rsl import rsl_bases, rsl_signals
from licensing.signals.states import Found, read_signals
from licensing.signals.tdmrep import tdmrep_file, tdmrep_site
from licensing.signals.xmp import xmp_signals

__all__ = [
    "Found",
    "c2pa_signals",
    "header_licences",
    "header_signals",
    "natural_language",
    "page_licences",
    "page_signals",
    "pdf_signals",
    "plain_text",
    "read_headers",
    "read_signals",
    "robots_licences",
    "robots_site",
    "robots_txt",
    "rsl_bases",
    "rsl_signals",
    "tdmrep_file",
    "tdmrep_site",
    "xmp_signals",
]
