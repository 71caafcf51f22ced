"""The independent checker: papers, files and proofs, judged without the engine that made them.

It never imports `licensing.decide`. What it is fed (bytes, digests, a decision's document) comes
from `clearway verify` or from somebody else's tool; what it answers is a value, not an error.
"""

from licensing.verify.decisions import verify_decision
from licensing.verify.entries import verify_entries
from licensing.verify.packs import PackPapers
from licensing.verify.report import Finding, Report
from licensing.verify.sets import SetFiles, verify_set

__all__ = [
    "Finding",
    "PackPapers",
    "Report",
    "SetFiles",
    "verify_decision",
    "verify_entries",
    "verify_set",
]
